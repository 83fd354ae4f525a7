// Run once by MongoDB's image, while its database is made (deploy/compose.yml): the service's own user.
db.getSiblingDB("admin").createUser({
  user: "seats",
  pwd: require("node:fs").readFileSync("/run/secrets/mongo-seats", "utf8").trim(),
  // The second one is where backups are restored on trial.
  roles: [{ role: "readWrite", db: "seats" }, { role: "readWrite", db: "seats_rehearsal" }],
});
