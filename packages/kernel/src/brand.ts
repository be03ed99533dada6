declare const brand: unique symbol;
/** A type that only its own constructor function makes, so that a node id is never passed where a term belongs. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
