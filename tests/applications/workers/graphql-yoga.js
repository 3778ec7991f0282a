// One program of tests/applications: graphql-yoga, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { createSchema, createYoga } from "graphql-yoga";
const yoga = createYoga({
  logging: false,
  graphiql: false,
  maskedErrors: true,
  schema: createSchema({
    typeDefs: 'type Query { hello(name: String = "world"): String! list(n: Int!): [Item!]! fail: String } type Item { id: ID! square: Int! } type Mutation { add(a: Int!, b: Int!): Int! } type Subscription { count(to: Int!): Int! }',
    resolvers: { Query: { hello: (_, { name }) => `hello ${name}`, list: (_, { n }) => Array.from({ length: n }, (_2, id) => ({ id })), fail: () => {
      throw new Error("inner");
    } }, Item: { square: async ({ id }) => id * id }, Mutation: { add: (_, { a, b }) => a + b }, Subscription: { count: { async *subscribe(_, { to }) {
      for (let i = 1; i <= to; i++) yield { count: i };
    } } } }
  })
});
var graphql_yoga_default = { fetch: (request, env, ctx) => yoga.fetch(request, env, ctx) };
export {
  graphql_yoga_default as default
};
