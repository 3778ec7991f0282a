// One program of tests/applications: zod, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { z } from "zod";
const User = z.object({ name: z.string().min(2).max(10).trim(), email: z.email(), age: z.coerce.number().int().positive().optional(), tags: z.array(z.enum(["a", "b"])).default([]), when: z.iso.datetime().optional(), link: z.url().optional(), id: z.uuid().optional() }).strict();
const Shape = z.discriminatedUnion("kind", [z.object({ kind: z.literal("circle"), r: z.number() }), z.object({ kind: z.literal("box"), w: z.number(), h: z.number() })]);
const Tree = z.object({ value: z.number(), get children() {
  return z.array(Tree);
} });
const schemas = { user: User, shape: Shape, tree: Tree, record: z.record(z.string(), z.union([z.string(), z.number()])), refined: z.object({ a: z.string(), b: z.string() }).refine((v) => v.a === v.b, { message: "must match", path: ["b"] }), piped: z.string().transform((s) => s.length).pipe(z.number().max(3)), tuple: z.tuple([z.string(), z.number()]).rest(z.boolean()) };
var zod_default = { async fetch(request) {
  const name = new URL(request.url).pathname.slice(1);
  if (name === "schema") return Response.json(z.toJSONSchema(User));
  const found = schemas[name].safeParse(await request.json());
  return Response.json(found.success ? found.data : { issues: found.error.issues, tree: z.treeifyError(found.error), pretty: z.prettifyError(found.error) });
} };
export {
  zod_default as default
};
