/**
 * The columns of a search: described for the caller, and their values in one notation.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/format'], (format) => {
  /** N/search does not say what type a column has; these are known by name. All others are text. */
  const NAMES = {
    integer: 'internalid internalidnumber line linesequencenumber lineuniquekey',
    date: 'actualshipdate canceldate closedate duedate enddate expectedclosedate expectedshipdate nextbill saleseffectivedate shipdate startdate trandate',
    datetime: 'datecreated lastmodifieddate linelastmodifieddate',
    checkbox: 'closed cogs custcol_closed isinactive mainline posting shipcomplete shipping taxline tobeprinted voided',
    currency:
      'amount amountpaid amountremaining costestimate creditamount debitamount discountamount discounttotal estgrossprofit fxamount fxamountpaid fxamountremaining grossamount netamount netamountnotax rate fxrate shippingamount shippingcost subtotal taxamount taxtotal total',
    float:
      'exchangerate quantity quantitybackordered quantitybilled quantitycommitted quantityfulfilled quantitypacked quantitypicked quantityshiprecv quantityuom',
    select:
      'account approvalstatus billingschedule class createdby createdfrom currency custbody_celigo_etail_channel customform department entity item location name partner paymentmethod paymentoption postingperiod saleschannel salesrep shipmethod source status statusref subsidiary terms type'
  };
  const FORMULAS = {
    formulacurrency: 'currency',
    formuladate: 'date',
    formuladatetime: 'datetime',
    formulanumeric: 'float',
    formulapercent: 'float'
  };
  const BY_NAME = Object.keys(NAMES).reduce((known, type) => {
    NAMES[type].split(' ').forEach((name) => {
      known[name] = type;
    });
    return known;
  }, Object.assign(Object.create(null), FORMULAS));
  const NO_GROUP = '- None -';

  /**
   * Describe a column.
   *
   * @param {search.Column} column
   * @param {number} index its place in the search
   * @returns {Object} index, name, label, join, summary, formula, function, sort, type
   */
  const described = (column, index) => ({
    index: index,
    name: column.name,
    label: column.label || null,
    join: column.join || null,
    summary: summaryOf(column),
    formula: column.formula || null,
    function: column.function || null,
    sort: sortOf(column),
    type: typeOf(column)
  });

  /** @returns {string|null} 'GROUP', 'COUNT', 'SUM', 'MIN', 'MAX', 'AVG' */
  const summaryOf = (column) => (column.summary ? String(column.summary).toUpperCase() : null);

  /** @returns {string|null} 'ASC' or 'DESC' */
  const sortOf = (column) => {
    const sort = column.sort ? String(column.sort).toUpperCase() : 'NONE';
    return sort === 'NONE' ? null : sort;
  };

  /** @returns {string} text, integer, currency, float, date, datetime, checkbox or select */
  const typeOf = (column) => {
    const summary = summaryOf(column);
    if (summary === 'COUNT') {
      return 'integer';
    }
    const type = BY_NAME[String(column.name).toLowerCase()] || 'text';
    if (column.function && (type === 'date' || type === 'datetime')) {
      return 'text'; // a month, a quarter, an age
    }
    return (summary === 'SUM' || summary === 'AVG') && type !== 'currency' ? 'float' : type;
  };

  /**
   * Read a row's value in one notation: null, or text; ISO dates, plain decimals, T and F, ids for references.
   *
   * What does not fit its type is passed on as it came: one odd value must not hide a page.
   *
   * @param {search.Result} result
   * @param {search.Column} column the column OBJECT: names and labels may repeat
   * @returns {string|null}
   */
  const valueOf = (result, column) => {
    const raw = result.getValue(column);
    if (isNothing(raw, column)) {
      return null;
    }
    if (raw === true || raw === false) {
      return raw ? 'T' : 'F';
    }
    return inNotation(typeOf(column), String(raw));
  };

  /** @returns {string|null} the display text; null where the column is no list */
  const textOf = (result, column) => {
    const text = result.getText(column);
    return isNothing(text, column) ? null : String(text);
  };

  const isNothing = (raw, column) =>
    raw === null || raw === undefined || raw === '' || (raw === NO_GROUP && summaryOf(column) === 'GROUP');

  const inNotation = (type, text) => {
    if (type === 'date') {
      return dateText(text, format.Type.DATE, false);
    }
    if (type === 'datetime') {
      return dateText(text, format.Type.DATETIME, true);
    }
    return type === 'integer' || type === 'float' || type === 'currency' ? plainDecimal(text) : text;
  };

  /** The user's date format is N/format's business; its Date counts in the server's own zone. */
  const dateText = (text, type, withTime) => {
    const date = format.parse({ value: text, type: type });
    if (Object.prototype.toString.call(date) !== '[object Date]' || isNaN(date.getTime())) {
      return text;
    }
    const day = [padded(date.getFullYear(), 4), padded(date.getMonth() + 1, 2), padded(date.getDate(), 2)].join('-');
    if (!withTime) {
      return day;
    }
    return day + 'T' + [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => padded(part, 2)).join(':');
  };

  const padded = (number, width) => String(number).padStart(width, '0');

  /** '.5' is 0.5, '1.2E3' is 1200, '45.0%' is 45.0; never through a binary number. */
  const plainDecimal = (text) => {
    const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:E([+-]?\d+))?%?$/i.exec(text.trim());
    if (!parts || !(parts[2] || parts[3])) {
      return text;
    }
    const moved = pointMoved(parts[2], parts[3] || '', Number(parts[4] || 0));
    return (parts[1] === '-' ? '-' : '') + moved;
  };

  const pointMoved = (whole, fraction, by) => {
    const digits = whole + fraction;
    const point = whole.length + by;
    const left = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '';
    const right = point >= 0 ? digits.slice(point) : digits.padStart(digits.length - point, '0');
    const trimmed = left.replace(/^0+(?=\d)/, '') || '0';
    return right ? trimmed + '.' + right : trimmed;
  };

  return {
    described: described,
    sortOf: sortOf,
    summaryOf: summaryOf,
    textOf: textOf,
    typeOf: typeOf,
    valueOf: valueOf
  };
});
