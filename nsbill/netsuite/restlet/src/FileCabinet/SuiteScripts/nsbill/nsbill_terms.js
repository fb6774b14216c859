/**
 * The terms of a filter expression: what one says, and where each stands. Plain functions on plain arrays.
 *
 * A term is [name, operator, value, ...]; a group is an array of terms and groups with AND, OR and NOT between them.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define([], () => {
  const CONNECTIVES = ['AND', 'OR', 'NOT'];
  const SUMMARY = /^(avg|count|group|max|min|sum)\((.*)\)$/i;
  const FORMULA = /^(formula[a-z]+)\s*:\s*([^]*)$/i;

  /**
   * List every term of an expression with its path and with what encloses it.
   *
   * @param {Array} expression as N/search gives it; may be empty or a single term
   * @returns {Array<{term: Object|null, path: number[], within: string|null}>} `within`: 'OR' or 'NOT' when the term
   *     is no plain conjunct; 'SHAPE' (and no term) for anything that is neither term, group nor connective
   */
  const termsOf = (expression) => {
    const found = [];
    visit(expression, [], null, found);
    return found;
  };

  const visit = (node, path, within, found) => {
    if (isTerm(node)) {
      found.push({ term: parsed(node), path: path, within: within });
    } else if (Array.isArray(node)) {
      visitGroup(node, path, within, found);
    } else {
      found.push({ term: null, path: path, within: 'SHAPE' });
    }
  };

  const visitGroup = (group, path, within, found) => {
    const words = group.map(connective);
    // AND binds closer than OR, so one OR makes alternatives of all its level.
    const inside = within || (words.indexOf('OR') >= 0 ? 'OR' : null);
    group.forEach((item, index) => {
      if (words[index] === null) {
        const negated = index > 0 && words[index - 1] === 'NOT';
        visit(item, path.concat(index), inside || (negated ? 'NOT' : null), found);
      }
    });
  };

  const connective = (item) => {
    const word = typeof item === 'string' ? item.trim().toUpperCase() : '';
    return CONNECTIVES.indexOf(word) >= 0 ? word : null;
  };

  const isTerm = (node) =>
    Array.isArray(node) && typeof node[0] === 'string' && typeof node[1] === 'string' && connective(node[0]) === null;

  /** Take a term apart: {name, join, operator, values, formula, summary}; names lower case, values as texts. */
  const parsed = (term) => {
    const summarised = SUMMARY.exec(term[0].trim());
    const subject = summarised ? summarised[2] : term[0].trim();
    const formula = FORMULA.exec(subject);
    const parts = (formula ? formula[1] : subject).split('.');
    return {
      name: parts[parts.length - 1].toLowerCase(),
      join: parts.length > 1 ? parts.slice(0, -1).join('.') : null,
      operator: term[1].toLowerCase(),
      values: valuesOf(term.slice(2)),
      formula: formula ? formula[2] : null,
      summary: summarised ? summarised[1].toLowerCase() : null
    };
  };

  /** Both spellings are in use: values one after the other, or in one array. */
  const valuesOf = (given) =>
    [].concat(...given).filter((value) => value !== null && value !== undefined).map(valueText);

  const valueText = (value) => (typeof value === 'boolean' ? (value ? 'T' : 'F') : String(value));

  /**
   * Copy an expression with another node at a path; everything else stays as it is.
   *
   * @param {Array} node expression
   * @param {number[]} path from termsOf; empty for the expression itself
   * @param {Array} replacement
   * @returns {Array}
   */
  const replacedAt = (node, path, replacement) =>
    path.length === 0
      ? replacement
      : node.map((item, index) => (index === path[0] ? replacedAt(item, path.slice(1), replacement) : item));

  return { replacedAt: replacedAt, termsOf: termsOf };
});
