// One program of tests/applications: drizzle, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { and, asc, count, desc, eq, gt, inArray, like, or, sql } from "drizzle-orm";
import { QueryBuilder, integer, sqliteTable, text, primaryKey } from "drizzle-orm/sqlite-core";
import * as pg from "drizzle-orm/pg-core";
const users = sqliteTable("users", { id: integer("id").primaryKey({ autoIncrement: true }), name: text("name").notNull(), born: integer("born", { mode: "timestamp" }) });
const posts = sqliteTable("posts", { id: integer("id"), author: integer("author").references(() => users.id), title: text("title") }, (t) => [primaryKey({ columns: [t.id, t.author] })]);
const people = pg.pgTable("people", { id: pg.serial("id").primaryKey(), data: pg.jsonb("data"), tags: pg.text("tags").array() });
const qb = new QueryBuilder();
const queries = { select: qb.select().from(users).where(and(eq(users.name, "ada"), or(gt(users.id, 5), like(users.name, "%b%")))).orderBy(desc(users.id), asc(users.name)).limit(10).offset(5), join: qb.select({ name: users.name, n: count(posts.id) }).from(users).leftJoin(posts, eq(posts.author, users.id)).groupBy(users.id).having(({ n }) => gt(n, 1)), sub: qb.with(qb.$with("top").as(qb.select().from(users).limit(1))).select({ x: sql`1 + ${2}` }).from(users).where(inArray(users.id, [1, 2, 3])), date: qb.select().from(users).where(eq(users.born, new Date(0))), pg: new pg.QueryBuilder().select().from(people).where(sql`${people.tags} @> ${["a"]}`) };
var drizzle_default = { fetch() {
  return Response.json(Object.fromEntries(Object.entries(queries).map(([name, query]) => [name, query.toSQL()])));
} };
export {
  drizzle_default as default
};
