/**
 * The actions of the protocol: arguments checked, then carried out.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(
  ['N/log', './nsbill_account', './nsbill_columns', './nsbill_paging', './nsbill_refusal', './nsbill_searches', './nsbill_status'],
  (log, account, columns, paging, refusals, searches, status) => {
    const SET_STATUS_UNITS = 15; // load, save, load again

    /**
     * Carry out a request.
     *
     * @param {Object} request with `action` and its arguments
     * @returns {Object} the result
     */
    const carryOut = (request) => {
      const action = needed(request || {}, 'action');
      if (!Object.prototype.hasOwnProperty.call(ACTIONS, action)) {
        throw refusals.refusal('SSS_INVALID_ACTION', "Unknown action '" + action + "'.");
      }
      return ACTIONS[action](request);
    };

    const needed = (request, name) => {
      const value = request[name];
      if (value === undefined || value === null || value === '') {
        throw refusals.refusal('SSS_MISSING_REQD_ARGUMENT', 'Missing a required argument: ' + name);
      }
      return value;
    };

    const listSearches = () => ({ searches: searches.listed() });

    const inspectSearch = (request) => {
      const id = needed(request, 'search');
      refusals.needUnits(searches.LOAD_UNITS);
      const found = searches.loaded(id);
      const expression = searches.expressionOf(found);
      return {
        id: String(found.searchId),
        script_id: found.id || null,
        title: found.title,
        record_type: searches.recordType(found.searchType),
        columns: found.columns.map(columns.described),
        filter_expression: expression,
        filters: status.flatFilters(expression),
        status_criterion: status.criterionOf(expression)
      };
    };

    const setStatus = (request) => {
      const id = needed(request, 'search');
      const statuses = checkedStatuses(needed(request, 'statuses'));
      refusals.needUnits(SET_STATUS_UNITS);
      const found = searches.loaded(id);
      const expression = searches.expressionOf(found);
      const before = status.criterionOf(expression);
      if (!before.writable) {
        throw refusals.refusal('STATUS_NOT_WRITABLE', before.reason);
      }
      found.filterExpression = status.withStatuses(expression, statuses);
      found.save();
      const after = confirmed(id, expression);
      log.audit({ title: 'nsbill: status criterion of search ' + id, details: { before: before.values, after: after } });
      return { before: before.values, after: after };
    };

    const checkedStatuses = (statuses) => {
      const fits = (one) => typeof one === 'string' && /^SalesOrd:[A-H]$/.test(one);
      if (!Array.isArray(statuses) || statuses.length === 0 || !statuses.every(fits)) {
        throw refusals.refusal(
          'SSS_INVALID_SRCH_FILTER_VAL',
          'The statuses must be a list of values such as SalesOrd:F.'
        );
      }
      return statuses;
    };

    /** Read back what NetSuite has now; when other criteria came out differently, put the old ones back. */
    const confirmed = (id, expression) => {
      const found = searches.loaded(id);
      const now = searches.expressionOf(found);
      if (String(status.otherCriteria(now)) !== String(status.otherCriteria(expression))) {
        refusals.needUnits(searches.LOAD_UNITS);
        found.filterExpression = expression;
        found.save();
        throw refusals.refusal(
          'STATUS_NOT_WRITABLE',
          'NetSuite did not keep the other criteria as they were. The old criteria were put back.'
        );
      }
      return status.criterionOf(now).values;
    };

    const page = (request) => {
      const id = needed(request, 'search');
      const index = needed(request, 'index');
      const pageSize = needed(request, 'page_size');
      if (!Number.isInteger(pageSize) || pageSize < 5 || pageSize > 1000) {
        throw refusals.refusal('SSS_INVALID_PAGE_SIZE', 'The page size must be between 5 and 1000.');
      }
      if (!Number.isInteger(index) || index < 0) {
        throw refusals.refusal('INVALID_PAGE_RANGE', 'Invalid page range.');
      }
      return paging.page(id, index, pageSize);
    };

    const ACTIONS = {
      about: account.about,
      list_searches: listSearches,
      inspect_search: inspectSearch,
      set_status: setStatus,
      page: page
    };

    return { carryOut: carryOut };
  }
);
