"""Talking to NetSuite: sign-in, one-call client, saved searches by RESTlet, records and SuiteQL."""
