import { defineClusterTest } from 'tutti/testing';
import { forgetfulAccount } from './bank.ts';
import { bankTest } from './bank-test.ts';

export default defineClusterTest(() => bankTest(forgetfulAccount));
