/**
 * nsbill's RESTlet: saved searches on sales orders, which NetSuite's REST services do not offer.
 *
 * POST takes {"action": "about" | "list_searches" | "inspect_search" | "set_status" | "page", ...}; GET answers as
 * "about" does. Everything is answered with HTTP 200 and one envelope: {ok, version, remaining_units, result | error}.
 * It runs as the caller's role and changes nothing but the status criterion of a saved search.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['N/log', './nsbill_actions', './nsbill_refusal'], (log, actions, refusals) => {
  const VERSION = '1.1.0';

  const answer = (request) => {
    try {
      return enveloped(true, { result: actions.carryOut(request) });
    } catch (problem) {
      return enveloped(false, { error: told(problem) });
    }
  };

  const enveloped = (ok, content) =>
    Object.assign({ ok: ok, version: VERSION, remaining_units: refusals.remainingUnits() }, content);

  /** NetSuite's errors have a code as name and are meant for callers; a mistake of this script stays in its log. */
  const told = (problem) => {
    if (refusals.isCoded(problem)) {
      return { code: problem.name, message: String(problem.message) };
    }
    log.error({ title: 'nsbill: unexpected', details: problem });
    return {
      code: 'UNEXPECTED_ERROR',
      message: 'The script failed. Its execution log (Customization > Scripting > Script Execution Logs) says why.'
    };
  };

  return {
    get: () => answer({ action: 'about' }),
    post: answer
  };
});
