import { defineClusterTest } from 'tutti/testing';
import { carefulAccount } from './bank.ts';
import { bankTest } from './bank-test.ts';

export default defineClusterTest(() => bankTest(carefulAccount));
