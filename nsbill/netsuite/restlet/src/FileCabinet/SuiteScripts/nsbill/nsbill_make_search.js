/**
 * Make the sample saved search once: sales orders to bill that carry an Amazon order id.
 *
 * Run by hand: its deployment > Save & Execute. When the search is there already, it does nothing.
 *
 * @NApiVersion 2.1
 * @NScriptType ScheduledScript
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', 'N/search'], (log, runtime, search) => {
  const SEARCH_ID = 'customsearch_nsbill_orders_to_bill';
  const TITLE = 'nsbill: orders to bill';
  const PLAIN_COLUMNS = ['tranid', 'trandate', 'shipdate', 'statusref', 'entity', 'fxamount', 'paymentmethod'];
  /** Columns that exist only when a feature is on. */
  const FEATURE_COLUMNS = { subsidiary: 'SUBSIDIARIES', currency: 'MULTICURRENCY' };

  const execute = () => {
    if (exists()) {
      log.audit({ title: 'nsbill: nothing to do', details: SEARCH_ID + ' is there already.' });
      return;
    }
    const script = runtime.getCurrentScript();
    const amazonId = script.getParameter({ name: 'custscript_nsbill_amazon_field' });
    const channel = script.getParameter({ name: 'custscript_nsbill_channel_field' });
    const made = search.create({
      type: search.Type.SALES_ORDER,
      id: SEARCH_ID,
      title: TITLE,
      isPublic: true,
      filters: criteria(amazonId),
      columns: columns(amazonId, channel)
    });
    log.audit({ title: 'nsbill: search made', details: SEARCH_ID + ' has internal id ' + made.save() });
  };

  /** Only "there is none" means no; any other problem ends the script. */
  const exists = () => {
    try {
      search.load({ id: SEARCH_ID });
      return true;
    } catch (problem) {
      if (problem.name === 'INVALID_SEARCH') {
        return false;
      }
      throw problem;
    }
  };

  const criteria = (amazonId) => [
    ['mainline', 'is', 'T'],
    'AND',
    ['status', 'anyof', 'SalesOrd:F'],
    'AND',
    [amazonId, 'isnotempty', '']
  ];

  const columns = (amazonId, channel) => {
    const names = PLAIN_COLUMNS.concat(amazonId, channel || [], Object.keys(FEATURE_COLUMNS).filter(isThere));
    const key = search.createColumn({ name: 'internalid', sort: search.Sort.ASC });
    return [key].concat(names.map((name) => search.createColumn({ name: name })));
  };

  const isThere = (name) => runtime.isFeatureInEffect({ feature: FEATURE_COLUMNS[name] });

  return { execute: execute };
});
