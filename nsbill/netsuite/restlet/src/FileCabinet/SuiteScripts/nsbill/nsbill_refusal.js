/**
 * What the script refuses itself: errors with a code, and the check of units before each step.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/error', 'N/runtime'], (error, runtime) => {
  /**
   * Make an error that the caller sees as {code, message}.
   *
   * @param {string} code one of the codes of the protocol
   * @param {string} message what is wrong, for a person
   * @returns {Error}
   */
  const refusal = (code, message) => error.create({ name: code, message: message, notifyOff: true });

  /**
   * Tell NetSuite's errors, whose name is a code such as INVALID_SEARCH, from mistakes of a script (TypeError).
   *
   * @param {*} problem what was thrown
   * @returns {boolean}
   */
  const isCoded = (problem) => Boolean(problem) && /^[A-Z][A-Z0-9_]+$/.test(problem.name);

  /** @returns {number} governance units that this call may still use */
  const remainingUnits = () => runtime.getCurrentScript().getRemainingUsage();

  /**
   * Refuse before a step that the units left do not cover: half a step would be worse.
   *
   * @param {number} units what the step costs (netsuite 7.2)
   */
  const needUnits = (units) => {
    if (remainingUnits() < units) {
      throw refusal('SSS_USAGE_LIMIT_EXCEEDED', 'Script Execution Usage Limit Exceeded');
    }
  };

  return { isCoded: isCoded, needUnits: needUnits, refusal: refusal, remainingUnits: remainingUnits };
});
