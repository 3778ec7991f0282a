// The same folder, deployed by Alchemy (see README.md for the environment it needs).
import alchemy from "alchemy";
import { Worker, WorkerLoader } from "alchemy/cloudflare";

const app = await alchemy("cloudflare-worker-loader");

export const worker = await Worker("dynamic-loader", {
  entrypoint: "./src/worker.js",
  compatibilityDate: "2025-10-14",
  bindings: {
    LOADER: WorkerLoader(),
  },
});

console.log(`Worker: ${worker.name}`);
await app.finalize();
