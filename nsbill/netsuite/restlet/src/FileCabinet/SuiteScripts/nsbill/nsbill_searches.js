/**
 * Saved searches on sales orders: list them, load one.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/search', './nsbill_refusal'], (search, refusals) => {
  const LIST_PAGE = 1000;
  const STEP_UNITS = 5;
  const RECORD_TYPES = Object.assign(Object.create(null), {
    salesorder: 'salesorder',
    salesord: 'salesorder',
    transaction: 'transaction'
  });

  /**
   * List the searches on sales orders that the role sees, by title.
   *
   * @returns {Array<{id: string, script_id: string|null, title: string, record_type: string, owner: string|null}>}
   */
  const listed = () => {
    refusals.needUnits(STEP_UNITS);
    const paged = search
      .create({ type: search.Type.SAVED_SEARCH, columns: listColumns() })
      .runPaged({ pageSize: LIST_PAGE });
    const found = [];
    for (let index = 0; index < paged.pageRanges.length; index += 1) {
      refusals.needUnits(STEP_UNITS);
      paged.fetch({ index: index }).data.forEach((result) => {
        const one = described(result);
        if (one.record_type) {
          found.push(one);
        }
      });
    }
    return found;
  };

  const listColumns = () => [
    search.createColumn({ name: 'title', sort: search.Sort.ASC }),
    search.createColumn({ name: 'internalid', sort: search.Sort.ASC }),
    search.createColumn({ name: 'id' }),
    search.createColumn({ name: 'recordtype' }),
    search.createColumn({ name: 'owner' })
  ];

  const described = (result) => ({
    id: String(result.id),
    script_id: result.getValue({ name: 'id' }) || null,
    title: result.getValue({ name: 'title' }),
    record_type: recordType(result.getValue({ name: 'recordtype' })) || recordType(result.getText({ name: 'recordtype' })),
    owner: result.getText({ name: 'owner' }) || result.getValue({ name: 'owner' }) || null
  });

  /** @returns {string|null} 'salesorder', 'transaction', or null for searches on anything else */
  const recordType = (text) => RECORD_TYPES[String(text || '').toLowerCase().replace(/[^a-z]/g, '')] || null;

  /**
   * Load a saved search on sales orders; the units are the caller's to check.
   *
   * @param {string|number} id internal id or script id
   * @returns {search.Search}
   */
  const loaded = (id) => {
    const found = search.load({ id: String(id) });
    if (recordType(found.searchType) === null) {
      throw refusals.refusal(
        'NOT_A_SALES_ORDER_SEARCH',
        "The search is on '" + found.searchType + "', not on sales orders."
      );
    }
    return found;
  };

  /** @returns {Array} a copy of the search's filter expression as plain arrays */
  const expressionOf = (found) => JSON.parse(JSON.stringify(found.filterExpression || []));

  return {
    LOAD_UNITS: STEP_UNITS,
    expressionOf: expressionOf,
    listed: listed,
    loaded: loaded,
    recordType: recordType
  };
});
