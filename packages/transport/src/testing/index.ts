/** The conformance suite of the transport port, for whoever implements it. Needs Vitest. @module */
export { transportSuite } from './transport-suite.ts';
export {
  Recorder,
  SUITE_CHANNEL,
  type TransportWorld,
  type WorldNode,
  type WorldNodeOptions,
} from './transport-world.ts';
