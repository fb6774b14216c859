/**
 * The status criterion of a search: read it in every shape, and rewrite it without touching other criteria.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./nsbill_terms'], (terms) => {
  const STATUS_NAMES = ['status', 'statusref'];
  const LETTERS = Object.assign(Object.create(null), {
    pendingapproval: 'A',
    pendingfulfillment: 'B',
    cancelled: 'C',
    partiallyfulfilled: 'D',
    pendingbillingpartfulfilled: 'E',
    pendingbilling: 'F',
    fullybilled: 'G',
    closed: 'H'
  });
  const STATUS_IN_FORMULA = /\{\s*(status|statusref)\s*(\.id)?\s*\}/i;

  /**
   * Describe the criterion on the order's status.
   *
   * @param {Array} expression filter expression
   * @returns {{present: boolean, operator: string|null, values: string[], writable: boolean, reason: string|null}}
   *     values as 'SalesOrd:F', whatever the search writes
   */
  const criterionOf = (expression) => {
    const all = terms.termsOf(expression);
    const onStatus = all.filter(isOnStatus);
    const reason = whyNotWritable(all, onStatus);
    return {
      present: onStatus.length > 0 || all.some(mentionsStatus),
      operator: onStatus.length > 0 ? onStatus[0].term.operator : null,
      values: onStatus.length > 0 ? onStatus[0].term.values.map(asCode) : [],
      writable: reason === null,
      reason: reason
    };
  };

  const isOnStatus = (found) =>
    found.term !== null && found.term.join === null && STATUS_NAMES.indexOf(found.term.name) >= 0;

  const mentionsStatus = (found) =>
    found.term !== null && found.term.formula !== null && STATUS_IN_FORMULA.test(found.term.formula);

  const whyNotWritable = (all, onStatus) => {
    if (all.some((found) => found.within === 'SHAPE')) {
      return 'The criteria have a shape that this script does not know.';
    }
    if (all.some(mentionsStatus)) {
      return 'A formula in the criteria uses the status.';
    }
    if (onStatus.length > 1) {
      return 'The search has several criteria on the status.';
    }
    return onStatus.length === 1 ? whyNotReplaceable(onStatus[0]) : null;
  };

  const whyNotReplaceable = (found) => {
    if (found.within !== null) {
      return 'The criterion on the status stands inside ' + found.within + '.';
    }
    if (found.term.summary !== null) {
      return 'The criterion on the status is a summary criterion.';
    }
    if (found.term.operator !== 'anyof' && found.term.operator !== 'noneof') {
      return "The criterion on the status uses the operator '" + found.term.operator + "'.";
    }
    return null;
  };

  /** 'F', 'SalesOrd:F' and 'pendingBilling' are one status (netsuite 5.2); other values stay as they are. */
  const asCode = (value) => {
    const text = value.trim();
    const letter = /^(?:salesord:)?([A-H])$/i.exec(text);
    if (letter) {
      return 'SalesOrd:' + letter[1].toUpperCase();
    }
    return LETTERS[text.toLowerCase()] ? 'SalesOrd:' + LETTERS[text.toLowerCase()] : text;
  };

  /**
   * Return the expression with these statuses and every other criterion as it was.
   *
   * @param {Array} expression whose criterion is writable
   * @param {string[]} statuses such as ['SalesOrd:F']
   * @returns {Array}
   */
  const withStatuses = (expression, statuses) => {
    const term = ['status', 'anyof'].concat(statuses);
    const places = terms.termsOf(expression).filter(isOnStatus);
    if (places.length === 1) {
      return terms.replacedAt(expression, places[0].path, term);
    }
    return expression.length === 0 ? term : [expression, 'AND', term];
  };

  /**
   * List the leaf terms for people and for checks.
   *
   * @param {Array} expression
   * @returns {Array<{name: string, operator: string, values: string[], join: string|null, formula: string|null}>}
   *     a summary criterion's name is such as 'sum(amount)'
   */
  const flatFilters = (expression) => terms.termsOf(expression).filter((found) => found.term !== null).map(flat);

  const flat = (found) => ({
    name: found.term.summary === null ? found.term.name : found.term.summary + '(' + found.term.name + ')',
    operator: found.term.operator,
    values: found.term.values,
    join: found.term.join,
    formula: found.term.formula
  });

  /**
   * List the criteria that are not on the status, for comparing before with after.
   *
   * @param {Array} expression
   * @returns {string[]} sorted texts; grouping does not count, because NetSuite may write it differently
   */
  const otherCriteria = (expression) =>
    terms
      .termsOf(expression)
      .filter((found) => !isOnStatus(found))
      .map((found) => JSON.stringify(found.term))
      .sort();

  return { criterionOf: criterionOf, flatFilters: flatFilters, otherCriteria: otherCriteria, withStatuses: withStatuses };
});
