/**
 * Compares a value with the part of JSON Schema that the contract uses. Returns the first disagreement as a sentence,
 * or undefined. Unknown properties are refused, so that a misspelt field is an error and not silence.
 */
export function disagreement(schema, value, where = 'body') {
  if (schema.type === 'object') return objectDisagreement(schema, value, where);
  if (schema.type === 'array') return arrayDisagreement(schema, value, where);
  if (schema.type === 'integer') {
    if (!Number.isSafeInteger(value)) return `${where} must be an integer`;
    if (schema.minimum !== undefined && value < schema.minimum)
      return `${where} must be at least ${schema.minimum}`;
    if (schema.maximum !== undefined && value > schema.maximum)
      return `${where} must be at most ${schema.maximum}`;
    return undefined;
  }
  if (schema.type === 'string') return stringDisagreement(schema, value, where);
  return typeof value === schema.type ? undefined : `${where} must be a ${schema.type}`;
}

function objectDisagreement(schema, value, where) {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${where} must be an object`;
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) return `${where}.${name} is missing`;
  }
  for (const [name, part] of Object.entries(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
    if (!known) return `${where}.${name} is not in the contract`;
    const found = disagreement(schema.properties[name], part, `${where}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function arrayDisagreement(schema, value, where) {
  if (!Array.isArray(value)) return `${where} must be an array`;
  if (value.length < (schema.minItems ?? 0)) return `${where} needs at least ${schema.minItems} items`;
  if (value.length > (schema.maxItems ?? Infinity)) return `${where} takes at most ${schema.maxItems} items`;
  for (const [index, part] of value.entries()) {
    const found = disagreement(schema.items, part, `${where}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function stringDisagreement(schema, value, where) {
  if (typeof value !== 'string') return `${where} must be a string`;
  if (value.length < (schema.minLength ?? 0))
    return `${where} must have at least ${schema.minLength} characters`;
  if (value.length > (schema.maxLength ?? 4_096)) return `${where} is too long`;
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return `${where} must be one of ${schema.enum.join(', ')}`;
  return undefined;
}
