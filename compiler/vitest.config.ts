import { defineConfig } from "vitest/config";

// The time limit stands against hanging, not against machines that have much to do.
export default defineConfig({ test: { testTimeout: 600_000 } });
