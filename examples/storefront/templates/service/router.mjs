import { Problem } from './problem.mjs';

/**
 * Turns the contract into routes: what is not in the contract cannot be called, and what is in it must have a
 * handler, so the service and its description cannot drift apart.
 */
export function createRouter(contract, handlers) {
  const routes = [];
  for (const [path, methods] of Object.entries(contract.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const handle = handlers[operation.operationId];
      if (handle === undefined) throw new Error(`no handler for ${operation.operationId} of the contract`);
      routes.push({ method: method.toUpperCase(), segments: path.split('/'), operation, handle });
    }
  }
  return (method, pathname) => {
    const segments = pathname.split('/');
    const matches = routes.filter((route) => parametersOf(route.segments, segments) !== undefined);
    if (matches.length === 0) throw new Problem(404, 'NOT_FOUND', `nothing is at ${pathname}`);
    const route = matches.find((candidate) => candidate.method === method);
    if (route === undefined) {
      const allow = matches.map((candidate) => candidate.method).join(', ');
      throw new Problem(405, 'METHOD_NOT_ALLOWED', `${pathname} takes ${allow}`, { allow });
    }
    return { ...route, parameters: parametersOf(route.segments, segments) };
  };
}

function parametersOf(template, segments) {
  if (template.length !== segments.length) return undefined;
  const parameters = {};
  for (const [index, part] of template.entries()) {
    const segment = segments[index];
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = decode(segment);
    else if (part !== segment) return undefined;
  }
  return parameters;
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, 'BAD_PATH', 'the path has a broken percent escape');
  }
}
