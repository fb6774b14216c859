/**
 * A faked account for the tests: N modules answer from plain state and charge units as NetSuite does (netsuite 7.2).
 *
 * N/search checks what a real one would not forgive: values are asked for by the column object, pages exist, an
 * unknown search ends with INVALID_SEARCH.
 */
import config from 'N/config';
import error from 'N/error';
import format from 'N/format';
import runtime from 'N/runtime';
import search from 'N/search';

const DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))? (am|pm))?$/;
const LABELS = {
  invoice_in_advance: 'Invoice in Advance of Fulfillment',
  show_unfulfilled_items: 'Show Unfulfilled Items on Invoices',
  dates_outside_period: 'Allow Transaction Date Outside of Posting Period',
};

export const nsError = (name, message) => Object.assign(new Error(message), { name });

/** Set every mock up from a state: {units, searches, results, account}; returns what the script left behind. */
export const openAccount = ({ units = 5000, searches = [], results = [], account = {} }) => {
  const saved = new Map(searches.map((one) => [one.id, structuredClone(one)]));
  const meter = { left: units };
  const charge = (cost) => {
    meter.left -= cost;
    if (meter.left < 0) {
      throw nsError('SSS_USAGE_LIMIT_EXCEEDED', 'the script went on without units');
    }
  };
  error.create.mockImplementation(({ name, message }) => nsError(name, message));
  format.parse.mockImplementation(parsedDate);
  fakeRuntime(account, meter);
  fakeConfig(account.preferences, charge);
  search.createColumn.mockImplementation((options) => ({ ...options }));
  search.load.mockImplementation(({ id }) => {
    charge(5);
    const found = [...saved.values()].find((one) => one.id === id || one.script_id === id);
    if (!found) {
      throw nsError('INVALID_SEARCH', 'That search or mass update does not exist.');
    }
    return savedSearch(found, results, charge);
  });
  search.create.mockImplementation((options) => searchOfSearches(options, [...saved.values()], charge));
  return { saved, meter };
};

const parsedDate = ({ value, type }) => {
  const parts = DATE.exec(value);
  if (!parts) {
    return value;
  }
  const [month, day, year, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part || 0));
  const hours = parts[7] ? (hour % 12) + (parts[7] === 'pm' ? 12 : 0) : 0;
  return type === format.Type.DATE ? new Date(year, month - 1, day) : new Date(year, month - 1, day, hours, minute, second);
};

const fakeRuntime = (account, meter) => {
  runtime.accountId = account.account;
  runtime.envType = account.environment;
  runtime.getCurrentScript.mockImplementation(() => ({ getRemainingUsage: () => meter.left }));
  runtime.getCurrentUser.mockImplementation(() => ({
    id: Number(account.user_id),
    role: Number(account.role_id),
    roleId: account.role,
    getPreference: () => {
      throw nsError('INSUFFICIENT_PERMISSION', 'no');
    },
  }));
  runtime.isFeatureInEffect.mockImplementation(({ feature }) => {
    if (account.features[feature] === null) {
      throw nsError('INSUFFICIENT_PERMISSION', 'no');
    }
    return account.features[feature];
  });
};

const fakeConfig = (preferences, charge) => {
  config.Type = { ACCOUNTING_PREFERENCES: 'accountingpreferences' }; // automatic mocks lose this module's enumeration
  config.load.mockImplementation(({ type }) => {
    charge(10);
    expect(type).toBe('accountingpreferences');
    if (Object.values(preferences).every((value) => value === null)) {
      throw nsError('INSUFFICIENT_PERMISSION', 'no');
    }
    const names = Object.keys(LABELS);
    return {
      getFields: () => [...names, 'unlabelled'],
      getField: ({ fieldId }) => ({ label: LABELS[fieldId], type: fieldId === 'dates_outside_period' ? 'select' : 'checkbox' }),
      getValue: ({ fieldId }) => preferences[fieldId] === 'T',
      getText: ({ fieldId }) => preferences[fieldId][0].toUpperCase() + preferences[fieldId].slice(1),
    };
  });
};

const savedSearch = (state, results, charge) => {
  const columns = state.columns.map((column) => ({ ...column }));
  const shown = [...columns];
  const made = {
    id: state.script_id,
    searchId: Number(state.id),
    title: state.title,
    searchType: state.record_type,
    filterExpression: structuredClone(state.filter_expression),
    columns,
    save: () => {
      charge(5);
      state.filter_expression = structuredClone(made.filterExpression);
      return Number(state.id);
    },
    runPaged: ({ pageSize }) => {
      charge(5);
      return pagedRows(results.map((row) => resultOf(row, shown)), pageSize, charge);
    },
  };
  return made;
};

const resultOf = (row, shown) => {
  const at = (column) => {
    const index = shown.indexOf(column);
    if (index < 0) {
      throw nsError('SSS_INVALID_SRCH_COL', 'not asked for by a column object of the search');
    }
    return index;
  };
  return { id: row.id, getValue: (column) => row.values[at(column)], getText: (column) => row.texts[at(column)] };
};

export const pagedRows = (data, pageSize, charge) => ({
  count: data.length,
  pageSize,
  pageRanges: Array.from({ length: Math.ceil(data.length / pageSize) }, (_, index) => ({ index })),
  fetch: ({ index }) => {
    charge(5);
    return { data: data.slice(index * pageSize, (index + 1) * pageSize) };
  },
});

/** The search of type SavedSearch: NetSuite's own spelling of record types; sorted by title as the script asks. */
const searchOfSearches = ({ type, columns }, all, charge) => {
  const sorted = columns.filter((column) => column.sort === 'ASC').map((column) => column.name);
  if (type !== 'SavedSearch' || sorted.join() !== 'title,internalid') {
    throw nsError('SSS_INVALID_SRCH', 'expected all saved searches by title and internal id');
  }
  const spelt = { salesorder: 'SalesOrd', transaction: 'Transaction', customer: 'Customer' };
  const rows = [...all].sort((a, b) => (a.title < b.title ? -1 : Number(a.title > b.title)));
  const data = rows.map((one) => ({
    id: one.id,
    getValue: ({ name }) => ({ id: one.script_id, title: one.title, recordtype: spelt[one.record_type], owner: '-5' })[name],
    getText: ({ name }) => ({ owner: one.owner })[name] ?? null,
  }));
  return { runPaged: ({ pageSize }) => (charge(5), pagedRows(data, pageSize, charge)) };
};
