// Owns node:util/types: what a value really is, whatever it says.
import { classOf, isError } from "hostel:internal";

const is = (...names) => (value) => names.includes(classOf(value));
const typed = (name) => (value) => ArrayBuffer.isView(value) && value[Symbol.toStringTag] === name;

export const isExternal = () => false;
export const isDate = is("Date");
export const isArgumentsObject = is("Arguments", "MappedArguments");
export const isBigIntObject = is("BigInt");
export const isBooleanObject = is("Boolean");
export const isNumberObject = is("Number");
export const isStringObject = is("String");
export const isSymbolObject = is("Symbol");
export const isBoxedPrimitive = is("Number", "String", "Boolean", "BigInt", "Symbol");
export const isNativeError = (value) => isError(value);
export const isRegExp = is("RegExp");
export const isAsyncFunction = (value) => typeof value === "function" && /^Async/.test(Object.prototype.toString.call(value).slice(8));
export const isGeneratorFunction = (value) => typeof value === "function" && /GeneratorFunction\]$/.test(Object.prototype.toString.call(value));
export const isGeneratorObject = (value) => value !== null && typeof value === "object" && /Generator\]$/.test(Object.prototype.toString.call(value));
export const isPromise = is("Promise");
export const isMap = is("Map");
export const isSet = is("Set");
export const isMapIterator = is("Map Iterator");
export const isSetIterator = is("Set Iterator");
export const isWeakMap = is("WeakMap");
export const isWeakSet = is("WeakSet");
export const isArrayBuffer = is("ArrayBuffer");
export const isDataView = is("DataView");
export const isSharedArrayBuffer = is("SharedArrayBuffer");
export const isProxy = is("Proxy");
export const isModuleNamespaceObject = is("Module");
export const isAnyArrayBuffer = is("ArrayBuffer", "SharedArrayBuffer");
export const isCryptoKey = (value) => typeof CryptoKey === "function" && value instanceof CryptoKey;
export const isKeyObject = () => false;
export const isArrayBufferView = ArrayBuffer.isView;
export const isTypedArray = (value) => ArrayBuffer.isView(value) && !isDataView(value);
export const isUint8Array = typed("Uint8Array");
export const isUint8ClampedArray = typed("Uint8ClampedArray");
export const isUint16Array = typed("Uint16Array");
export const isUint32Array = typed("Uint32Array");
export const isInt8Array = typed("Int8Array");
export const isInt16Array = typed("Int16Array");
export const isInt32Array = typed("Int32Array");
export const isFloat32Array = typed("Float32Array");
export const isFloat64Array = typed("Float64Array");
export const isBigInt64Array = typed("BigInt64Array");
export const isBigUint64Array = typed("BigUint64Array");
export default {
  isExternal, isDate, isArgumentsObject, isBigIntObject, isBooleanObject, isNumberObject, isStringObject, isSymbolObject, isBoxedPrimitive, isNativeError,
  isRegExp, isAsyncFunction, isGeneratorFunction, isGeneratorObject, isPromise, isMap, isSet, isMapIterator, isSetIterator, isWeakMap, isWeakSet,
  isArrayBuffer, isDataView, isSharedArrayBuffer, isProxy, isModuleNamespaceObject, isAnyArrayBuffer, isCryptoKey, isKeyObject, isArrayBufferView,
  isTypedArray, isUint8Array, isUint8ClampedArray, isUint16Array, isUint32Array, isInt8Array, isInt16Array, isInt32Array, isFloat32Array,
  isFloat64Array, isBigInt64Array, isBigUint64Array,
};
