/** How every Erlang subject is set up, for the reader. */
export const ERLANG_CONFIGURATION =
  'erl with its defaults: one scheduler per core, just-in-time compiler, no flags';
export const NEEDS_ERLANG = { program: 'erl' } as const;
