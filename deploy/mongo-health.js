// The health check of MongoDB in deploy/compose.yml: takes writes. At the first start it begins the replica set.
const password = require("node:fs").readFileSync("/run/secrets/mongo-admin", "utf8").trim();
db.getSiblingDB("admin").auth("admin", password);
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "seats", members: [{ _id: 0, host: "mongo:27017" }] });
}
quit(db.hello().isWritablePrimary ? 0 : 1);
