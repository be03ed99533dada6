/** Tools for testing actors: systems on virtual time. @module */
export type { Ref } from '../actor/ref.ts';
