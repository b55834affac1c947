# One image for all three servers; docker-compose.yml says which one runs.
FROM node:22-slim
WORKDIR /glider
COPY . .
# Builds by itself; what only development needs goes again.
RUN npm ci && npm prune --omit=dev --ignore-scripts
USER node
CMD ["node", "dist/metadata-server/main.js"]
