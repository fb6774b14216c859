/** The script that makes the sample search: once, with what nsbill needs and what the account has. */
import log from 'N/log';
import runtime from 'N/runtime';
import search from 'N/search';
import script from 'SuiteScripts/nsbill/nsbill_make_search';
import status from 'SuiteScripts/nsbill/nsbill_status';
import { nsError } from './account';

jest.mock('N/log');
jest.mock('N/runtime');
jest.mock('N/search');

const PARAMETERS = { custscript_nsbill_amazon_field: 'otherrefnum', custscript_nsbill_channel_field: 'custbody_celigo_etail_channel' };
const run = ({ parameters = PARAMETERS, features = true } = {}) => {
  const save = jest.fn(() => 77);
  runtime.getCurrentScript.mockImplementation(() => ({ getParameter: ({ name }) => parameters[name] ?? null }));
  runtime.isFeatureInEffect.mockImplementation(() => features);
  search.createColumn.mockImplementation((options) => options);
  search.create.mockImplementation(() => ({ save }));
  script.execute({});
  return save;
};
const missing = () => {
  throw nsError('INVALID_SEARCH', 'That search or mass update does not exist.');
};

test('the search has the criteria and columns that nsbill needs', () => {
  search.load.mockImplementation(missing);
  expect(run()).toHaveBeenCalledTimes(1);
  const made = search.create.mock.calls[0][0];
  expect(made).toMatchObject({ type: 'salesorder', id: 'customsearch_nsbill_orders_to_bill', isPublic: true });
  expect(status.criterionOf(made.filters)).toMatchObject({ writable: true, values: ['SalesOrd:F'] });
  expect(status.flatFilters(made.filters).map((filter) => filter.name)).toEqual(['mainline', 'status', 'otherrefnum']);
  expect(made.columns.map((column) => column.name).sort()).toEqual([
    'currency', 'custbody_celigo_etail_channel', 'entity', 'fxamount', 'internalid', 'otherrefnum', 'paymentmethod',
    'shipdate', 'statusref', 'subsidiary', 'trandate', 'tranid',
  ]);
  expect(made.columns.filter((column) => column.sort)).toEqual([{ name: 'internalid', sort: 'ASC' }]);
});

test('columns of features that are off, and an unset channel, are left out', () => {
  search.load.mockImplementation(missing);
  run({ parameters: { custscript_nsbill_amazon_field: 'custbody_amazon' }, features: false });
  const { columns, filters } = search.create.mock.calls[0][0];
  expect(columns.map((column) => column.name)).not.toEqual(expect.arrayContaining(['subsidiary']));
  expect(columns.map((column) => column.name)).not.toEqual(expect.arrayContaining(['currency']));
  expect(columns.some((column) => !column.name)).toBe(false);
  expect(filters[4]).toEqual(['custbody_amazon', 'isnotempty', '']);
});

test('a search that is there is left alone', () => {
  search.load.mockReturnValue({});
  expect(run()).not.toHaveBeenCalled();
  expect(log.audit.mock.calls[0][0].details).toContain('is there already');
});

test('any other problem ends the script', () => {
  search.load.mockImplementation(() => {
    throw nsError('INSUFFICIENT_PERMISSION', 'no');
  });
  expect(() => run()).toThrow('no');
  expect(search.create).not.toHaveBeenCalled();
});
