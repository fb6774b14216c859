/** Every contract vector against the RESTlet; the simulator answers the same files in Python. */
import fs from 'fs';
import path from 'path';
import restlet from 'SuiteScripts/nsbill/nsbill_restlet';
import { openAccount } from './account';

jest.mock('N/config');
jest.mock('N/error');
jest.mock('N/format');
jest.mock('N/log');
jest.mock('N/runtime');
jest.mock('N/search');

const FOLDER = path.join(__dirname, '..', 'contract');

const repeated = (value) => {
  if (Array.isArray(value)) {
    return value.map(repeated);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if ('$repeat' in value) {
    return value.$repeat.repeat(value.times);
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, repeated(one)]));
};

const files = fs.readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort();
const vectors = files.flatMap((file) =>
  JSON.parse(fs.readFileSync(path.join(FOLDER, file), 'utf8')).map((vector) => [`${file}: ${vector.name}`, vector])
);

test('there are vectors for every action and every error code', () => {
  const codes = new Set(vectors.map(([, { expect: wanted }]) => wanted.error?.code));
  const actions = new Set(vectors.map(([, { request }]) => request.action));
  expect(vectors.length).toBeGreaterThanOrEqual(30);
  expect([...actions]).toEqual(expect.arrayContaining(['about', 'list_searches', 'inspect_search', 'set_status', 'page']));
  expect([...codes]).toEqual(
    expect.arrayContaining([
      'INVALID_PAGE_RANGE', 'INVALID_SEARCH', 'NOT_A_SALES_ORDER_SEARCH', 'RESPONSE_TOO_LARGE', 'SSS_INVALID_ACTION',
      'SSS_INVALID_PAGE_SIZE', 'SSS_INVALID_SRCH_FILTER_VAL', 'SSS_MISSING_REQD_ARGUMENT', 'SSS_USAGE_LIMIT_EXCEEDED',
      'STATUS_NOT_WRITABLE',
    ])
  );
});

test.each(vectors)('%s', (_, vector) => {
  const { units, account, method, request, ...rest } = repeated(vector);
  const { saved, meter } = openAccount({
    units,
    account: account ?? { features: {}, preferences: {} },
    results: rest.results ?? [],
    searches: rest.searches ?? (rest.search ? [rest.search] : []),
  });
  // what leaves NetSuite is JSON
  const answer = JSON.parse(JSON.stringify(method === 'GET' ? restlet.get({}) : restlet.post(request)));
  expect(answer).toEqual({ remaining_units: meter.left, ...rest.expect });
  if (rest.expect_search) {
    expect(saved.get(rest.search.id).filter_expression).toEqual(rest.expect_search.filter_expression);
  }
});
