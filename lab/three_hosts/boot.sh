#!/bin/sh
# Boots one host as the first process of its namespaces, and runs its services until it is killed: boot.sh NUMBER HOME
# PROJECT PYTHON MONGOD WORKERS FOLDER. HOME has the host's own /etc and disk; a service that ends starts again, as with
# systemd. FOLDER is the whole play's.
set -eu
number=$1 home=$2 project=$3 python=$4 mongod=$5 workers=$6 folder=$7
cd "$home"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$home/etc,workdir=$home/work" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/nginx
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/backup/seats
mount --bind "$folder/backups" /mnt/backup/seats
mount --bind "$home/log" /var/log/nginx
rm -f /etc/nginx/sites-enabled/default

ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done # the cable
ip link set eth0 address "02:00:00:00:00:0$number"
ip address add "10.0.0.1$number/24" dev eth0
ip link set eth0 up

run() {
    name=$1
    shift
    while :; do
        "$@" >>"log/$name.log" 2>&1 || :
        sleep 1
    done &
}
run mongod "$mongod" --config /etc/mongod.conf
run valkey "$home/valkey-server" /etc/valkey/seats.conf
run nginx nginx -g "daemon off;"
run keepalived keepalived --dont-fork --log-console
until [ -e "$folder/set-exists" ]; do sleep 0.1; done # the service is installed after that
run seats env --chdir "$project" --ignore-environment "PATH=$PATH" \
    "$python" -m miniapp_server serve --workers "$workers" --env-file /etc/seats/env
wait
