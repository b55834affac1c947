# One image for all servers and the command; docker-compose.yml and deploy/kubernetes/ say which of them runs.
FROM node:22-slim AS build
WORKDIR /glider
COPY . .
# It builds by itself. What only development, tests and benchmarks need goes again.
RUN npm ci \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf dist/test dist/bench dist/.tsbuildinfo \
  && find dist \( -name '*.test.*' -o -name '*.map' -o -name '*.d.ts' \) -delete

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /glider
COPY --from=build /glider/package.json ./
COPY --from=build /glider/node_modules node_modules
COPY --from=build /glider/dist dist
# Of whoever runs it, and so of the volumes that are mounted there.
RUN mkdir -p /var/lib/glider && chown node:node /var/lib/glider
USER node
EXPOSE 9060
CMD ["node", "dist/metadata-server/main.js"]
