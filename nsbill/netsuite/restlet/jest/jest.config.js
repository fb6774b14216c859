const SuiteCloudJestConfiguration = require('@oracle/suitecloud-unit-testing/jest-configuration/SuiteCloudJestConfiguration');

const suiteCloud = SuiteCloudJestConfiguration.build({
  projectFolder: '../src',
  projectType: SuiteCloudJestConfiguration.ProjectType.ACP,
});

module.exports = { ...suiteCloud, resetMocks: true };
