#!/usr/bin/env bash
# oxlint 1.94.0: import/no-cycle does not count import('./module'), so a circle that is closed by a
# dynamic import passes. ESLint's rule of that name counts it, and so does Biome 2.6.8's
# noImportCycles.
# Seen with Node.js 20 on Linux x86_64: oxlint ends with exit code 0, Biome with 1 and
# "This import is part of a cycle".
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "oxlint@1.94.0" "@biomejs/biome@2.6.8"
mkdir src
printf "export const load = () => import('./b.ts');\nexport const one = 1;\n" > src/a.ts
printf "import { one } from './a.ts';\n\nexport const two = one + 1;\n" > src/b.ts
cat > biome.json <<'JSON'
{"linter": {"rules": {"recommended": false, "suspicious": {"noImportCycles": "error"}}}}
JSON
npx oxlint --import-plugin -D import/no-cycle src > oxlint.txt || { cat oxlint.txt; exit 1; }
# A circle of static imports is found: the rule itself is on.
printf "import { two } from './b.ts';\n\nexport const one = 1;\nexport const three = two + 1;\n" > src/a.ts
if npx oxlint --import-plugin -D import/no-cycle src > static.txt; then cat static.txt; exit 1; fi
printf "export const load = () => import('./b.ts');\nexport const one = 1;\n" > src/a.ts
if npx biome lint src > biome.txt 2>&1; then echo "Biome found no circle"; exit 1; fi
grep -q "cycle" biome.txt
echo "as seen: oxlint passes a circle with a dynamic import, Biome does not"
