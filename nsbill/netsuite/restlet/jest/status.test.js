/** The status criterion in every shape: what is read, what may be written, and what writing leaves alone. */
import status from 'SuiteScripts/nsbill/nsbill_status';

const F = ['status', 'anyof', 'SalesOrd:F'];
const B = ['status', 'anyof', 'SalesOrd:B'];
const MAIN = ['mainline', 'is', 'T'];
const REF = ['otherrefnum', 'isnotempty', ''];
const JOINED = ['createdfrom.status', 'anyof', 'Estimate:A'];
const ABOVE = ['sum(formulanumeric: {fxamount}*2)', 'greaterthan', '1.50'];

describe('writing SalesOrd:F', () => {
  test.each([
    ['nothing', [], F],
    ['only the status', B, F],
    ['only the status, in brackets', [B], [F]],
    ['only the status, in many brackets', [[[B]]], [[[F]]]],
    ['another criterion', MAIN, [MAIN, 'AND', F]],
    ['AND', [MAIN, 'AND', B], [MAIN, 'AND', F]],
    ['and', [MAIN, 'and', B], [MAIN, 'and', F]],
    ['And with blanks', [MAIN, ' And ', B], [MAIN, ' And ', F]],
    ['the middle of three', [MAIN, 'AND', B, 'AND', REF], [MAIN, 'AND', F, 'AND', REF]],
    ['nested AND', [MAIN, 'AND', [[REF, 'AND', B], 'AND', JOINED]], [MAIN, 'AND', [[REF, 'AND', F], 'AND', JOINED]]],
    ['OR beside it in brackets', [[MAIN, 'OR', REF], 'AND', B], [[MAIN, 'OR', REF], 'AND', F]],
    ['NOT before something else', ['NOT', MAIN, 'AND', B], ['NOT', MAIN, 'AND', F]],
    ['OR and no status', [MAIN, 'OR', REF], [[MAIN, 'OR', REF], 'AND', F]],
    ['a joined status only', [JOINED], [[JOINED], 'AND', F]],
    ['a status in capitals', [['STATUS', 'ANYOF', 'SalesOrd:B']], [F]],
    ['values in a list', [['status', 'anyof', ['SalesOrd:B', 'SalesOrd:E']]], [F]],
    ['a word as value', [['statusref', 'anyof', 'pendingFulfillment']], [F]],
    ['a summary of something else', [B, 'AND', ABOVE], [F, 'AND', ABOVE]],
  ])('in %s', (_, before, after) => {
    const kept = structuredClone(before);
    expect(status.criterionOf(before)).toMatchObject({ writable: true, reason: null });
    expect(status.withStatuses(before, ['SalesOrd:F'])).toEqual(after);
    expect(before).toEqual(kept);
    expect(status.otherCriteria(after)).toEqual(status.otherCriteria(before));
  });
});

describe('not writable', () => {
  test.each([
    ['OR', [B, 'OR', REF], 'The criterion on the status stands inside OR.'],
    ['or around brackets', [[MAIN, 'AND', B], 'or', REF], 'The criterion on the status stands inside OR.'],
    ['AND before OR', [MAIN, 'AND', B, 'OR', REF], 'The criterion on the status stands inside OR.'],
    ['NOT', ['NOT', B], 'The criterion on the status stands inside NOT.'],
    ['not around brackets', [MAIN, 'AND', 'not', [B, 'AND', REF]], 'The criterion on the status stands inside NOT.'],
    ['two', [B, 'AND', [MAIN, 'AND', F]], 'The search has several criteria on the status.'],
    ['two in OR', [B, 'OR', F], 'The search has several criteria on the status.'],
    ['is', [['status', 'is', 'SalesOrd:B']], "The criterion on the status uses the operator 'is'."],
    ['a summary of it', [['max(status)', 'anyof', 'SalesOrd:B']], 'The criterion on the status is a summary criterion.'],
    ['a formula', [['formulatext: { status }', 'is', 'x']], 'A formula in the criteria uses the status.'],
    ['a summary formula', [['min(formulanumeric: DECODE({statusref},1,2))', 'is', '1']], 'A formula in the criteria uses the status.'],
    ['a formula over lines', [['formulatext: CASE\nWHEN {Status.id}=1 THEN 1 END', 'is', '1']], 'A formula in the criteria uses the status.'],
    ['a formula and a criterion', [B, 'AND', ['formulatext: {status}', 'is', 'x']], 'A formula in the criteria uses the status.'],
    ['a word that is no connective', [B, 'XOR', MAIN], 'The criteria have a shape that this script does not know.'],
    ['a number', [B, 'AND', 7], 'The criteria have a shape that this script does not know.'],
    ['an object', [{ name: 'status', operator: 'anyof' }], 'The criteria have a shape that this script does not know.'],
  ])('%s', (_, expression, reason) => {
    expect(status.criterionOf(expression)).toMatchObject({ writable: false, reason });
  });
});

describe('not on the status', () => {
  test.each([
    ['a formula on a joined status', ['formulatext: {createdfrom.status}', 'is', 'x']],
    ['a formula on another field', ['formulatext: {custbody_status}', 'is', 'x']],
    ['a field whose name begins so', ['statusdate', 'on', '1/1/2026']],
    ['a joined field', JOINED],
  ])('%s', (_, term) => {
    expect(status.criterionOf([MAIN, 'AND', term])).toEqual({
      present: false, operator: null, values: [], writable: true, reason: null,
    });
  });
});

test.each([
  ['F', 'SalesOrd:F'],
  ['f', 'SalesOrd:F'],
  ['salesord:f', 'SalesOrd:F'],
  ['pendingApproval', 'SalesOrd:A'],
  ['pendingFulfillment', 'SalesOrd:B'],
  ['cancelled', 'SalesOrd:C'],
  ['partiallyFulfilled', 'SalesOrd:D'],
  ['pendingBillingPartFulfilled', 'SalesOrd:E'],
  ['PENDINGBILLING', 'SalesOrd:F'],
  ['fullyBilled', 'SalesOrd:G'],
  ['closed', 'SalesOrd:H'],
  ['CustInvc:A', 'CustInvc:A'],
  ['@ANY@', '@ANY@'],
  ['constructor', 'constructor'],
])('the value %s is %s', (value, code) => {
  expect(status.criterionOf(['status', 'anyof', value]).values).toEqual([code]);
});

test('leaf terms are listed flat', () => {
  expect(status.flatFilters([[MAIN, 'AND', JOINED], 'OR', 'NOT', ABOVE, 'AND', ['x.y.z', 'is', true], 'AND', ['m', 'anyof', [1, 2], null]])).toEqual([
    { name: 'mainline', operator: 'is', values: ['T'], join: null, formula: null },
    { name: 'status', operator: 'anyof', values: ['Estimate:A'], join: 'createdfrom', formula: null },
    { name: 'sum(formulanumeric)', operator: 'greaterthan', values: ['1.50'], join: null, formula: '{fxamount}*2' },
    { name: 'z', operator: 'is', values: ['T'], join: 'x.y', formula: null },
    { name: 'm', operator: 'anyof', values: ['1', '2'], join: null, formula: null },
  ]);
});
