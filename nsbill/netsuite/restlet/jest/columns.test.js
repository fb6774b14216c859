/** One notation for values, whatever the user's formats and whatever N/search makes of a column. */
import format from 'N/format';
import columns from 'SuiteScripts/nsbill/nsbill_columns';
import { pointed } from './formats';

jest.mock('N/format');

const value = (column, raw) => columns.valueOf({ getValue: (asked) => (asked === column ? raw : 'wrong') }, column);

describe('dates in the format of the user', () => {
  test.each([
    ['M/D/YYYY', '2/1/2026', '2026-02-01'],
    ['D.M.YYYY', '1.2.2026', '2026-02-01'],
    ['DD-Mon-YYYY', '01-Feb-2026', '2026-02-01'],
    ['YYYY/MM/DD', '2026/02/01', '2026-02-01'],
    ['D.M.YYYY', 'soon', 'soon'],
  ])('%s: %s', (style, raw, expected) => {
    format.parse.mockImplementation(pointed(style));
    expect(value({ name: 'trandate' }, raw)).toBe(expected);
    expect(value({ name: 'formuladate', formula: '{trandate}' }, raw)).toBe(expected);
    expect(value({ name: 'shipdate', summary: 'MAX' }, raw)).toBe(expected);
  });

  test.each([
    ['M/D/YYYY', '2/1/2026 1:05 pm', '2026-02-01T13:05:00'],
    ['M/D/YYYY', '2/1/2026 12:00 am', '2026-02-01T00:00:00'],
    ['D.M.YYYY', '1.2.2026 23:59:07', '2026-02-01T23:59:07'],
  ])('with time, %s: %s', (style, raw, expected) => {
    format.parse.mockImplementation(pointed(style));
    expect(value({ name: 'datecreated' }, raw)).toBe(expected);
  });

  test('the part of a date that a function gives is no date', () => {
    expect(value({ name: 'trandate', function: 'month' }, '2026-02')).toBe('2026-02');
    expect(format.parse).not.toHaveBeenCalled();
  });

  test('a date that cannot be is passed on as it came', () => {
    format.parse.mockImplementation(() => new Date(NaN));
    expect(value({ name: 'trandate' }, '31.31.2026')).toBe('31.31.2026');
  });
});

test.each([
  ['internalid', '106', '106'],
  ['fxamount', '.50', '0.50'],
  ['fxamount', '-.5', '-0.5'],
  ['fxamount', '+7', '7'],
  ['fxamount', '0012.10', '12.10'],
  ['fxamount', 12.5, '12.5'],
  ['fxamount', '5.', '5'],
  ['formulanumeric', '1.2E3', '1200'],
  ['formulanumeric', '1.2345E2', '123.45'],
  ['formulanumeric', '-1.5E-3', '-0.0015'],
  ['formulanumeric', '1E-7', '0.0000001'],
  ['formulanumeric', '15E-1', '1.5'],
  ['formulanumeric', '99999999999999999999.99', '99999999999999999999.99'],
  ['formulapercent', '45.0%', '45.0'],
  ['formulacurrency', 'ERROR: Invalid Expression', 'ERROR: Invalid Expression'],
  ['fxamount', '.', '.'],
  ['tranid', '.50', '.50'],
  ['tranid', '1E3', '1E3'],
  ['mainline', true, 'T'],
  ['mainline', false, 'F'],
  ['mainline', 'T', 'T'],
  ['custbody_gift', true, 'T'],
  ['memo', '', null],
  ['memo', null, null],
  ['memo', undefined, null],
  ['fxamount', '', null],
  ['fxamount', 0, '0'],
])('%s %p is %p', (name, raw, expected) => {
  expect(value({ name }, raw)).toBe(expected);
});

test.each([
  [{ name: 'tranid', summary: 'COUNT' }, 'integer'],
  [{ name: 'trandate', summary: 'count' }, 'integer'],
  [{ name: 'quantity', summary: 'SUM' }, 'float'],
  [{ name: 'fxamount', summary: 'AVG' }, 'currency'],
  [{ name: 'formulatext', summary: 'GROUP' }, 'text'],
  [{ name: 'formulatext' }, 'text'],
  [{ name: 'formuladatetime' }, 'datetime'],
  [{ name: 'StatusRef' }, 'select'],
  [{ name: 'internalid', join: 'customer' }, 'integer'],
  [{ name: 'custbody_celigo_etail_channel' }, 'select'],
  [{ name: 'custbody_anything' }, 'text'],
  [{ name: 'constructor' }, 'text'],
])('%p is %s', (column, type) => {
  expect(columns.typeOf(column)).toBe(type);
});

test('an empty group is nothing, the same words elsewhere are a text', () => {
  expect(value({ name: 'memo', summary: 'GROUP' }, '- None -')).toBeNull();
  expect(value({ name: 'memo' }, '- None -')).toBe('- None -');
});

test('values and texts are read by the column object, so equal names and labels do not mix', () => {
  const first = { name: 'formulatext', label: 'Note', formula: "'X'" };
  const second = { name: 'formulatext', label: 'Note', formula: '{tranid}' };
  const cells = new Map([[first, ['X', '']], [second, ['SO106', null]]]);
  const result = { getValue: (column) => cells.get(column)[0], getText: (column) => cells.get(column)[1] };
  expect([first, second].map((column) => columns.valueOf(result, column))).toEqual(['X', 'SO106']);
  expect([first, second].map((column) => columns.textOf(result, column))).toEqual([null, null]);
});

test('a column is described with all that N/search knows', () => {
  const column = { name: 'trandate', join: 'createdfrom', label: '', summary: 'group', formula: '', function: 'month', sort: 'NONE' };
  expect(columns.described(column, 4)).toEqual({
    index: 4, name: 'trandate', label: null, join: 'createdfrom', summary: 'GROUP', formula: null, function: 'month', sort: null, type: 'text',
  });
});
