// The example's stand-in for the vendor's API is the tests' too.
export { IterableApi } from '../../examples/iterable/api.mjs';
