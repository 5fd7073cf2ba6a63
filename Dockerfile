# Waggle's services: one image, the command chooses (docker-compose.yml).

FROM node:24-bookworm-slim AS build
WORKDIR /waggle
COPY package.json package-lock.json ./
# The image brings Node itself, and nothing that the services need has an install script.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN ./node_modules/.bin/vite build dashboards/web && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production NODE_OPTIONS=--disable-warning=TimeoutNegativeWarning TZ=UTC
WORKDIR /waggle
COPY --from=build /waggle /waggle
USER node
CMD ["node", "ingest/main.ts"]
