/**
 * What the account says about itself to this role. What the role may not see is null, never guessed.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/config', 'N/log', 'N/runtime', './nsbill_refusal'], (config, log, runtime, refusals) => {
  const CONFIG_UNITS = 10;
  const FEATURES = ['ADVSHIPPING', 'SUBSIDIARIES', 'MULTICURRENCY'];
  /** Found by label: only the id of the last one is in Oracle's list of preference ids that we know. */
  const PREFERENCES = {
    invoice_in_advance: { label: 'invoice in advance of fulfillment', id: null },
    show_unfulfilled_items: { label: 'show unfulfilled items on invoices', id: null },
    dates_outside_period: { label: 'allow transaction date outside of posting period', id: 'DATEPERIODMISMATCH' }
  };

  /** @returns {Object} account, environment, user_id, role, role_id, preferences, features */
  const about = () => {
    refusals.needUnits(CONFIG_UNITS);
    const user = runtime.getCurrentUser();
    return {
      account: runtime.accountId,
      environment: String(runtime.envType),
      user_id: String(user.id),
      role: user.roleId,
      role_id: String(user.role),
      preferences: preferences(user),
      features: features()
    };
  };

  const preferences = (user) => {
    const labelled = accountingPreferences();
    return Object.keys(PREFERENCES).reduce((found, name) => {
      const wanted = PREFERENCES[name];
      const seen = labelled[wanted.label];
      found[name] = seen === undefined ? asText(byId(user, wanted.id)) : asText(seen);
      return found;
    }, {});
  };

  /** Label to value of every accounting preference; empty when the role may not see the page. */
  const accountingPreferences = () =>
    orNull('accounting preferences', () => {
      const page = config.load({ type: config.Type.ACCOUNTING_PREFERENCES });
      return page.getFields().reduce((values, fieldId) => {
        const field = page.getField({ fieldId: fieldId });
        if (field && field.label) {
          values[String(field.label).trim().toLowerCase()] = valueOf(page, fieldId, field);
        }
        return values;
      }, {});
    }) || {};

  /** A list's words say more than its numbers: 'disallow', 'warn', 'allow'. */
  const valueOf = (page, fieldId, field) =>
    field.type === 'select'
      ? String(page.getText({ fieldId: fieldId })).toLowerCase()
      : page.getValue({ fieldId: fieldId });

  const byId = (user, id) =>
    id === null ? null : orNull(id, () => String(user.getPreference({ name: id }) || '').toLowerCase());

  const asText = (value) => {
    if (value === true || value === false) {
      return value ? 'T' : 'F';
    }
    return value === null || value === undefined || value === '' ? null : String(value);
  };

  const features = () =>
    FEATURES.reduce((found, name) => {
      const inEffect = orNull(name, () => runtime.isFeatureInEffect({ feature: name }));
      found[name] = inEffect === true || inEffect === false ? inEffect : null;
      return found;
    }, {});

  const orNull = (what, read) => {
    try {
      return read();
    } catch (problem) {
      if (!refusals.isCoded(problem)) {
        throw problem;
      }
      log.debug({ title: 'nsbill: not visible to this role: ' + what, details: problem.name });
      return null;
    }
  };

  return { about: about };
});
