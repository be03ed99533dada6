import { standIn } from './virtual-globals.ts';

/** Importing this has clusters rule over what modules that are imported later take of the process's globals. */
standIn();
