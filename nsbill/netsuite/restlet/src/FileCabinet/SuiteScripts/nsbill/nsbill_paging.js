/**
 * One page of a search's rows, in an order that puts each row on one page only.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/search', './nsbill_columns', './nsbill_refusal', './nsbill_searches'], (search, columns, refusals, searches) => {
  const PAGE_UNITS = 15; // load, runPaged, fetch
  const MOST_CHARACTERS = 9000000; // NetSuite guarantees 10 MB a string (netsuite 7.3)
  const SMALLEST_PAGE = 5;

  /**
   * Read a page.
   *
   * @param {string|number} id search
   * @param {number} index of the page, from 0
   * @param {number} pageSize 5 to 1000
   * @returns {Object} count, page_size, page_count, index, rows [{id, values, texts}], sorted_by
   */
  const page = (id, index, pageSize) => {
    refusals.needUnits(PAGE_UNITS);
    const found = searches.loaded(id);
    const shown = found.columns.slice();
    const sorted = unambiguous(shown);
    found.columns = sorted; // for this run only: the search is not saved
    const paged = found.runPaged({ pageSize: pageSize });
    const pages = paged.pageRanges.length;
    if (index > 0 && index >= pages) {
      throw refusals.refusal('INVALID_PAGE_RANGE', 'Invalid page range.');
    }
    const results = pages === 0 ? [] : paged.fetch({ index: index }).data;
    return {
      count: paged.count,
      page_size: pageSize,
      page_count: pages,
      index: index,
      rows: fitting(rowsOf(results, shown)),
      sorted_by: sorted.filter((column) => columns.sortOf(column) !== null).map(nameOf)
    };
  };

  /** Without a last key that differs for every row, pages repeat and miss rows (netsuite 7.2). */
  const unambiguous = (shown) => {
    if (isSummary(shown)) {
      shown.filter(isUnsortedGroup).forEach((column) => {
        column.sort = search.Sort.ASC;
      });
      return shown;
    }
    if (shown.some((column) => column.name === 'internalid' && !column.join && columns.sortOf(column) !== null)) {
      return shown;
    }
    return shown.concat(search.createColumn({ name: 'internalid', sort: search.Sort.ASC }));
  };

  const isSummary = (shown) => shown.some((column) => columns.summaryOf(column) !== null);

  const isUnsortedGroup = (column) => columns.summaryOf(column) === 'GROUP' && columns.sortOf(column) === null;

  const nameOf = (column) => (column.join ? column.join + '.' + column.name : column.name);

  const rowsOf = (results, shown) => {
    const summary = isSummary(shown);
    return results.map((result) => ({
      id: summary ? null : String(result.id),
      values: shown.map((column) => columns.valueOf(result, column)),
      texts: shown.map((column) => columns.textOf(result, column))
    }));
  };

  const fitting = (rows) => {
    const characters = JSON.stringify(rows).length;
    if (characters <= MOST_CHARACTERS) {
      return rows;
    }
    const smaller = Math.floor((rows.length * MOST_CHARACTERS) / characters);
    const advice =
      smaller < SMALLEST_PAGE ? 'Remove long columns from the search.' : 'Ask for a page_size of ' + smaller + '.';
    throw refusals.refusal(
      'RESPONSE_TOO_LARGE',
      'The page is longer than ' + MOST_CHARACTERS + ' characters. ' + advice
    );
  };

  return { page: page };
});
