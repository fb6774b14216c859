/** What the vectors cannot show: units between steps, long lists, a save that went wrong, errors without a stack. */
import error from 'N/error';
import log from 'N/log';
import runtime from 'N/runtime';
import search from 'N/search';
import restlet from 'SuiteScripts/nsbill/nsbill_restlet';
import { nsError, openAccount } from './account';

jest.mock('N/config');
jest.mock('N/error');
jest.mock('N/format');
jest.mock('N/log');
jest.mock('N/runtime');
jest.mock('N/search');

const ACCOUNT = { features: {}, preferences: {} };
const MAIN = ['mainline', 'is', 'T'];
const saved = (number, more = {}) => ({
  id: String(number),
  script_id: `customsearch_${number}`,
  title: `Search ${String(number).padStart(5, '0')}`,
  record_type: 'salesorder',
  owner: 'Owner',
  filter_expression: [MAIN, 'AND', ['status', 'anyof', 'SalesOrd:B']],
  columns: [{ name: 'tranid' }],
  ...more,
});
const SET = { action: 'set_status', search: '1', statuses: ['SalesOrd:F'] };

test('a list of searches longer than a page is read to its end', () => {
  const { meter } = openAccount({ account: ACCOUNT, searches: Array.from({ length: 2500 }, (_, n) => saved(n + 1)) });
  const answer = restlet.post({ action: 'list_searches' });
  expect(answer.result.searches).toHaveLength(2500);
  expect(answer.result.searches[2499].id).toBe('2500');
  expect(meter.left).toBe(5000 - 5 - 3 * 5);
});

test('units that end while a list is read end it with an error and not with half a list', () => {
  openAccount({ units: 12, account: ACCOUNT, searches: Array.from({ length: 1500 }, (_, n) => saved(n + 1)) });
  expect(restlet.post({ action: 'list_searches' })).toEqual({
    ok: false,
    version: '1.1.0',
    remaining_units: 2,
    error: { code: 'SSS_USAGE_LIMIT_EXCEEDED', message: 'Script Execution Usage Limit Exceeded' },
  });
});

test('after is what NetSuite has, not what was sent', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1)] });
  afterSaving((expression) => [expression[0], 'AND', ['status', 'anyof', 'F', 'SalesOrd:E']]);
  expect(restlet.post(SET).result).toEqual({ before: ['SalesOrd:B'], after: ['SalesOrd:F', 'SalesOrd:E'] });
});

test('other brackets around the same criteria are no change', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1)] });
  afterSaving((expression) => [[expression[0]], 'and', [expression[2]]]);
  expect(restlet.post(SET)).toMatchObject({ ok: true });
});

test('when NetSuite loses another criterion, the old criteria are put back', () => {
  const { saved: state } = openAccount({ account: ACCOUNT, searches: [saved(1)] });
  let saves = 0;
  afterSaving((expression) => (++saves === 1 ? [expression[2]] : expression));
  expect(restlet.post(SET)).toMatchObject({
    ok: false,
    error: {
      code: 'STATUS_NOT_WRITABLE',
      message: 'NetSuite did not keep the other criteria as they were. The old criteria were put back.',
    },
  });
  expect(state.get('1').filter_expression).toEqual(saved(1).filter_expression);
});

test('a search that may not be saved says so in the words of NetSuite', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1)] });
  afterSaving(() => {
    throw nsError('INSUFFICIENT_PERMISSION', 'You need a higher permission for custom searches.');
  });
  expect(restlet.post(SET).error).toEqual({
    code: 'INSUFFICIENT_PERMISSION',
    message: 'You need a higher permission for custom searches.',
  });
  expect(log.audit).not.toHaveBeenCalled();
});

test('who changed which criterion stands in the execution log', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1)] });
  restlet.post(SET);
  expect(log.audit).toHaveBeenCalledWith({
    title: 'nsbill: status criterion of search 1',
    details: { before: ['SalesOrd:B'], after: ['SalesOrd:F'] },
  });
});

test('a page never saves the search', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1, { columns: [{ name: 'entity', summary: 'GROUP' }] })] });
  const saves = afterSaving((expression) => expression);
  restlet.post({ action: 'page', search: '1', index: 0, page_size: 5 });
  expect(saves).not.toHaveBeenCalled();
});

test('the hidden sort is not given out and runs last', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1)], results: [{ id: '9', values: ['SO9'], texts: [null] }] });
  const loaded = [];
  const load = search.load.getMockImplementation();
  search.load.mockImplementation((options) => loaded[loaded.push(load(options)) - 1]);
  const { rows } = restlet.post({ action: 'page', search: '1', index: 0, page_size: 5 }).result;
  expect(rows).toEqual([{ id: '9', values: ['SO9'], texts: [null] }]);
  expect(loaded[0].columns.map(({ name, sort }) => [name, sort])).toEqual([['tranid', undefined], ['internalid', 'ASC']]);
});

test.each([
  [10, 1100000, 'Ask for a page_size of 8.'],
  [5, 2000000, 'Remove long columns from the search.'],
])('a page of %i rows of %i characters is not sent: %s', (rows, characters, advice) => {
  const results = Array.from({ length: rows }, (_, n) => ({ id: String(n), values: ['x'.repeat(characters)], texts: [null] }));
  openAccount({ account: ACCOUNT, searches: [saved(1)], results });
  expect(restlet.post({ action: 'page', search: '1', index: 0, page_size: rows }).error).toEqual({
    code: 'RESPONSE_TOO_LARGE',
    message: `The page is longer than 9000000 characters. ${advice}`,
  });
});

test('a mistake of the script shows no stack and no inside; the log has it', () => {
  openAccount({ account: ACCOUNT, searches: [saved(1, { columns: null })] });
  search.load.mockImplementation(() => ({ searchType: 'salesorder' }));
  const answer = restlet.post({ action: 'inspect_search', search: '1' });
  expect(answer.error.code).toBe('UNEXPECTED_ERROR');
  expect(JSON.stringify(answer)).not.toMatch(/TypeError|undefined|nsbill_actions|at /);
  expect(log.error).toHaveBeenCalledTimes(1);
});

test('a mistake of the script while it reads settings is not taken for a lack of permission', () => {
  openAccount({ account: ACCOUNT });
  runtime.isFeatureInEffect.mockImplementation(() => undefined.feature);
  expect(restlet.get({})).toMatchObject({ ok: false, error: { code: 'UNEXPECTED_ERROR' } });
});

test('where the page of preferences is closed, a preference may still be visible by its id', () => {
  openAccount({ account: { ...ACCOUNT, preferences: { invoice_in_advance: null } } });
  runtime.getCurrentUser.mockImplementation(() => ({ id: 1, role: 2, roleId: 'r', getPreference: ({ name }) => `${name} WARN` }));
  expect(restlet.get({}).result.preferences).toEqual({
    invoice_in_advance: null, show_unfulfilled_items: null, dates_outside_period: 'dateperiodmismatch warn',
  });
});

test('a list may spell record types in words', () => {
  openAccount({ account: ACCOUNT });
  const result = { id: 1, getValue: () => '-5', getText: ({ name }) => (name === 'recordtype' ? 'Sales Order' : null) };
  search.create.mockReturnValue({ runPaged: () => ({ pageRanges: [{}], fetch: () => ({ data: [result] }) }) });
  expect(restlet.post({ action: 'list_searches' }).result.searches[0].record_type).toBe('salesorder');
});

test('an error of NetSuite shows code and message only', () => {
  openAccount({ account: ACCOUNT });
  search.load.mockImplementation(() => {
    throw Object.assign(nsError('SSS_RECORD_TYPE_MISMATCH', 'Type argument is needed.'), { id: 'x', stack: ['secret'] });
  });
  expect(restlet.post({ action: 'inspect_search', search: '1' }).error).toEqual({
    code: 'SSS_RECORD_TYPE_MISMATCH',
    message: 'Type argument is needed.',
  });
});

test.each([[null], [undefined], ['about'], [[]]])('a body that is no object (%p) lacks its action', (body) => {
  openAccount({ account: ACCOUNT });
  expect(restlet.post(body).error.code).toBe('SSS_MISSING_REQD_ARGUMENT');
  expect(error.create).toHaveBeenCalledWith(expect.objectContaining({ notifyOff: true }));
});

/** Let NetSuite store something else than it was given. */
const afterSaving = (stored) => {
  const load = search.load.getMockImplementation();
  const saves = jest.fn();
  search.load.mockImplementation((options) => {
    const found = load(options);
    const save = found.save;
    found.save = () => {
      saves();
      found.filterExpression = stored(found.filterExpression);
      return save();
    };
    return found;
  });
  return saves;
};
