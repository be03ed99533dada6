/** @module */
export const placeholder = true;
