#!/usr/bin/env bash
# Everything on one machine: Debian 12 (bookworm) with systemd, PostgreSQL and nginx from the
# distribution, Python 3.11. Run it from a checkout of the release; run it again to upgrade.
#
#   install.sh check      --domain academy.example [...]   what is missing; changes nothing
#   install.sh install    --domain academy.example [...]   install, or upgrade beside what is at work
#   install.sh prepare                                     schema, queues and buckets alone
#   install.sh rollback                                    the release before; the schema stays
#   install.sh uninstall                                   units and code go; data and settings stay
#
#   --env-file FILE    settings to begin with (docs/reference/environment.md); never overwrites
#   --domain NAME      of the API; --tls-cert FILE --tls-key FILE (default: Let's Encrypt's folder)
#   --version TEXT     of this release (default: git describe)
#   --premium          the queue ai-premium as well: torch, several GiB
#   --embedded-sqs     no AWS account: the emulator on 127.0.0.1 (read the how-to first)
#   --local-s3 NAME    no R2: an object store on this machine, for browsers under that name
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
base=/opt/academy
settings=/etc/academy/academy.env
packages=(python3.11 python3.11-venv postgresql nginx curl openssl ca-certificates bubblewrap
    tesseract-ocr-script-hang)
keep_releases=3

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
booted() { [[ -d /run/systemd/system ]]; }

action=${1:-}
shift || true
domain='' env_file='' tls_cert='' tls_key='' version='' premium='' embedded_sqs='' s3_name=''
while (($#)); do
    case $1 in
        --env-file) env_file=${2:?}; shift ;;
        --domain) domain=${2:?}; shift ;;
        --tls-cert) tls_cert=${2:?}; shift ;;
        --tls-key) tls_key=${2:?}; shift ;;
        --version) version=${2:?}; shift ;;
        --local-s3) s3_name=${2:?}; shift ;;
        --premium) premium=1 ;;
        --embedded-sqs) embedded_sqs=1 ;;
        *) die "unknown option $1" ;;
    esac
    shift
done
name_ok='^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$'
[[ -z $domain || $domain =~ $name_ok ]] || die "--domain $domain is no host name"
[[ -z $s3_name || $s3_name =~ $name_ok ]] || die "--local-s3 $s3_name is no host name"

# ------------------------------------------------------------------ what must hold before anything
preflight() {
    local missing=() package
    ((EUID == 0)) || die "run it as root"
    grep -q '^ID=debian' /etc/os-release && grep -q '^VERSION_ID="12"' /etc/os-release \
        || say "note: made for Debian 12; this is $(. /etc/os-release; echo "${PRETTY_NAME:-unknown}")"
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
            || missing+=("$package")
    done
    ((${#missing[@]} == 0)) || say "packages to install: ${missing[*]}"
    if [[ -z $domain && ! -f /etc/nginx/sites-available/academy.conf ]]; then
        die "name the API's host: --domain academy.example"
    fi
    if [[ -n $domain ]]; then
        tls_cert=${tls_cert:-/etc/letsencrypt/live/$domain/fullchain.pem}
        tls_key=${tls_key:-/etc/letsencrypt/live/$domain/privkey.pem}
        [[ -r $tls_cert && -r $tls_key ]] \
            || die "no certificate at $tls_cert and $tls_key. Get one first (certbot certonly), or name yours."
    fi
    [[ -z $env_file || -r $env_file ]] || die "$env_file cannot be read"
    if [[ ! -f $settings && -z $env_file && -z $s3_name ]]; then
        die "settings are needed: --env-file FILE with R2_* and AWS_* (see academy.env.example)"
    fi
    local free
    free=$(df --output=avail -m /opt | tail -1)
    ((free > 4096)) || die "/opt has $free MiB free; a release with its packages takes 2 to 4 GiB"
}

# ------------------------------------------------------------------ settings
random() { openssl rand -base64 "$1" | tr -d '/+=\n'; }
has() { grep -Eq "^$1=." "$settings"; }
put() { has "$1" || printf '%s=%s\n' "$1" "$2" >> "$settings"; }

write_settings() {
    install -d -m 0750 -o root -g academy /etc/academy
    if [[ ! -f $settings ]]; then
        install -m 0640 -o root -g academy "${env_file:-/dev/null}" "$settings"
    fi
    put SECRET_KEY "$(random 64)"
    put API_KEY_PEPPER "$(random 48)"
    put VIDEO_KEY_SECRET "$(random 48)"
    put PERSONAL_DATA_SECRET "$(random 48)"
    put FLOWER_BASIC_AUTH "ops:$(random 18)"
    put CONSOLE_LOGIN "ops:$(random 18)"
    put TRUSTED_PROXIES 1
    if [[ -n $domain ]]; then
        put ALLOWED_HOSTS "$domain"
        put PUBLIC_BASE_URL "https://$domain"
    fi
    if [[ -n $embedded_sqs ]]; then
        put SQS_ENDPOINT_URL http://127.0.0.1:9324
        put AWS_ACCESS_KEY_ID "$(shuf -i 100000000000-999999999999 -n 1)"
        put AWS_SECRET_ACCESS_KEY "$(random 30)"
        put AWS_EC2_METADATA_DISABLED true
    fi
    if [[ -n $s3_name ]]; then
        put R2_ENDPOINT_URL "https://$s3_name"
        put R2_ACCESS_KEY_ID "$(random 15)"
        put R2_SECRET_ACCESS_KEY "$(random 40)"
        put R2_REGION auto
        write_s3_keys
    fi
    chmod 0640 "$settings"
}

write_s3_keys() {
    local id secret made file=/etc/academy/s3.json
    id=$(sed -n 's/^R2_ACCESS_KEY_ID=//p' "$settings")
    secret=$(sed -n 's/^R2_SECRET_ACCESS_KEY=//p' "$settings")
    printf -v made '{"identities": [{"name": "academy", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Admin"]}]}' \
        "$id" "$secret"
    if [[ ! -f $file || $(<"$file") != "$made" ]]; then
        (umask 077; printf '%s\n' "$made" > "$file")
    fi
    chown root:academy "$file"
    chmod 0640 "$file"
}

# ------------------------------------------------------------------ PostgreSQL
start_postgres() {
    if booted; then
        systemctl enable --now postgresql
    else
        pg_lsclusters -h | while read -r major cluster _ state _; do
            [[ $state == online* ]] || pg_ctlcluster "$major" "$cluster" start
        done
    fi
}

as_postgres() { runuser -u postgres -- psql -X -q -v ON_ERROR_STOP=1 "$@"; }

prepare_database() {
    has DATABASE_URL && return
    local password port
    start_postgres
    password=$(random 30)
    port=$(pg_lsclusters -h | awk '$4 ~ /^online/ {print $3; exit}')
    # The role may be there from an installation whose settings were removed: it gets a new password.
    as_postgres -p "$port" -v password="$password" <<'SQL'
SELECT 'CREATE ROLE academy LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'academy') \gexec
ALTER ROLE academy PASSWORD :'password';
SELECT 'CREATE DATABASE academy OWNER academy TEMPLATE template0 ENCODING ''UTF8''' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'academy') \gexec
SQL
    # CREATEDB is for the restore drill, which makes a database of its own and drops it.
    as_postgres -p "$port" -c 'ALTER ROLE academy CREATEDB'
    put DATABASE_URL "postgresql://academy:$password@127.0.0.1:$port/academy?sslmode=require"
}

# ------------------------------------------------------------------ the release
describe() {
    [[ -z $version ]] && version=$(git -C "$source" describe --tags --always --dirty 2>/dev/null || true)
    [[ -z $version ]] && version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/pyproject.toml")
    [[ $version =~ ^[A-Za-z0-9._+-]{1,40}$ ]] || die "--version: 1 to 40 letters, digits and . _ + -"
    release=$base/releases/$version
}

copy_release() {
    install -d -m 0755 "$base" "$base/releases"
    # A release is made beside and moved: what was cut off is made again.
    if [[ -f $release/.complete ]]; then
        say "release $version is there"
        return
    fi
    rm -rf "$release"
    install -d -m 0755 "$release"
    tar -C "$source" --exclude=__pycache__ --exclude='.venv*' -c \
        academy tasks deploy requirements celeryconfig.py manage.py pyproject.toml | tar -C "$release" -x
    chown -R root:root "$release"
    chmod -R u=rwX,go=rX "$release"
    printf 'RELEASE=%s\n' "$version" > "$release/release.env"
    local locks=(base flower media ai)
    [[ -z $premium ]] || locks+=(premium)
    [[ -z $s3_name ]] || locks+=(local)
    make_venv "$release/.venv" "${locks[@]}"
    if [[ -n $premium ]]; then
        "$release/.venv/bin/pip" install --quiet -r "$release/requirements/torch.txt" \
            --extra-index-url https://download.pytorch.org/whl/cpu
    fi
    [[ -z $embedded_sqs ]] || make_venv "$release/.venv-emulator" emulator
    (cd "$release" && .venv/bin/python -m compileall -q academy tasks deploy celeryconfig.py manage.py)
    (cd "$release" && "$source/docker/placeholders.sh" .venv/bin/python manage.py collectstatic \
        --no-input --verbosity 0)
    touch "$release/.complete"
}

make_venv() {
    local folder=$1 lock options=()
    shift
    python3.11 -m venv "$folder"
    for lock in "$@"; do options+=(-r "$release/requirements/$lock.txt"); done
    "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
        --require-hashes --no-deps "${options[@]}"
}

# The new release's commands before it is the current one.
manage() { ACADEMY_RELEASE=$release "$here/academy" manage "$@"; }

install_units() {
    local unit
    install -m 0755 "$here/academy" /usr/local/bin/academy
    for unit in "$release"/deploy/single-host/units/academy*; do
        case ${unit##*/} in
            academy-sqs.service) [[ -n $embedded_sqs || -f /etc/systemd/system/academy-sqs.service ]] || continue ;;
            academy-s3.service) [[ -n $s3_name || -f /etc/systemd/system/academy-s3.service ]] || continue ;;
        esac
        install -m 0644 "$unit" "/etc/systemd/system/${unit##*/}"
    done
    booted && systemctl daemon-reload
    return 0
}

# What belongs to this host: every unit of the target, and premium where it was asked for.
enabled_units() {
    local unit
    for unit in /etc/systemd/system/academy-*.service; do
        unit=${unit##*/}
        case $unit in
            *@*|academy-backup.service) ;;
            academy-worker-ai-premium.service)
                if [[ -n $premium ]]; then say "$unit"; fi ;;
            *) say "$unit" ;;
        esac
    done
}

workers() { enabled_units | sed -n 's/^academy-worker-\(.*\)\.service$/\1/p'; }

enable_units() {
    local queue
    # shellcheck disable=SC2046 # a list of units
    systemctl enable --quiet academy.target academy-backup.timer $(enabled_units)
    for queue in $(workers); do systemctl enable --quiet "academy-health@$queue.timer"; done
}

# Stores first, then what reads rows, then the API: nobody is offered what nobody can do yet.
start_units() {
    local unit queue
    for unit in academy-s3 academy-sqs; do
        [[ ! -f /etc/systemd/system/$unit.service ]] || systemctl start "$unit"
    done
    # A restart waits until the worker has finished or given back what it holds.
    for queue in $(workers); do
        systemctl restart "academy-worker-$queue" &
    done
    wait
    systemctl restart academy-relay academy-flower academy-api
    systemctl start academy.target academy-backup.timer
    for queue in $(workers); do systemctl start "academy-health@$queue.timer"; done
}

migrate() {
    local judged=0
    if manage migrate --check >/dev/null 2>&1; then
        say "the schema is this release's"
    else
        # Of an empty database nobody is at work on, everything is new.
        manage check_migrations || judged=$?
        ((judged == 0)) || [[ -n ${CONTRACT:-} ]] \
            || die "the release at work may not survive these migrations. Stop it first, then run again with CONTRACT=1"
        manage migrate --no-input --verbosity 1
    fi
    manage ensure_queues
    manage ensure_buckets
    manage staff_create --from-environment
}

forget_old_releases() {
    local current
    current=$(readlink -f "$base/current")
    # shellcheck disable=SC2012 # names have no spaces: describe() saw to it
    ls -1dt "$base"/releases/*/ | sed 's,/$,,' | grep -vx "$current" | tail -n +"$keep_releases" \
        | while read -r old; do
            [[ $old == "$(readlink -f "$base/previous" 2>/dev/null)" ]] || rm -rf "$old"
        done
}

# ------------------------------------------------------------------ nginx
write_nginx() {
    [[ -n $domain ]] || return 0
    local file=/etc/nginx/sites-available/academy.conf
    sed -e "s,@DOMAIN@,$domain,g" -e "s,@CERT@,$tls_cert,g" -e "s,@KEY@,$tls_key,g" \
        "$here/nginx.conf" > "$file"
    if [[ -n $s3_name ]]; then
        sed -e "s,@DOMAIN@,$s3_name,g" -e "s,@CERT@,$tls_cert,g" -e "s,@KEY@,$tls_key,g" \
            "$here/nginx-s3.conf" >> "$file"
    fi
    ln -sf "$file" /etc/nginx/sites-enabled/academy.conf
    rm -f /etc/nginx/sites-enabled/default
    nginx -t -q
    if booted; then systemctl enable --now nginx && systemctl reload nginx; fi
}

point_at() {
    local current
    current=$(readlink -f "$base/current" 2>/dev/null || true)
    [[ -z $current || $current == "$1" ]] || ln -sfn "$current" "$base/previous"
    ln -sfn "$1" "$base/current.new"
    mv -T "$base/current.new" "$base/current"
}

# ------------------------------------------------------------------ actions
do_install() {
    preflight
    describe
    local missing=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
            || missing+=("$package")
    done
    if ((${#missing[@]})); then
        apt-get -q update
        apt-get -q install -y --no-install-recommends "${missing[@]}"
    fi
    getent passwd academy >/dev/null || useradd --system --user-group --home-dir /var/lib/academy \
        --shell /usr/sbin/nologin academy
    install -d -m 0700 -o academy -g academy /var/lib/academy /var/lib/academy/scratch \
        /var/cache/academy /var/backups/academy
    [[ -z $s3_name ]] || install -d -m 0700 -o academy -g academy /var/lib/academy-s3
    write_settings
    prepare_database
    copy_release
    install_units
    write_nginx
    if ! booted; then
        point_at "$release"
        say "systemd does not run here: units are installed, nothing is migrated or started"
        return
    fi
    start_postgres
    # The stores of this machine are needed before the schema's queues and buckets.
    if [[ -n $s3_name || -n $embedded_sqs ]]; then
        [[ -e $base/current ]] || point_at "$release"
        [[ -z $s3_name ]] || systemctl enable --now academy-s3
        [[ -z $embedded_sqs ]] || systemctl enable --now academy-sqs
    fi
    migrate
    point_at "$release"
    enable_units
    start_units
    forget_old_releases
    curl -fsS --retry 30 --retry-delay 1 --retry-connrefused -o /dev/null http://127.0.0.1:8000/healthz
    manage deepcheck || say "the deep check found something: academy manage deepcheck"
    say "release $version is at work; the console's login is CONSOLE_LOGIN in $settings"
}

do_prepare() {
    ((EUID == 0)) || die "run it as root"
    release=$(readlink -f "$base/current" 2>/dev/null) || die "nothing is installed"
    migrate
}

do_rollback() {
    ((EUID == 0)) || die "run it as root"
    local previous
    previous=$(readlink -f "$base/previous" 2>/dev/null) || true
    [[ -n $previous && -f $previous/.complete ]] || die "there is no release before this one"
    release=$previous
    [[ -d $release/.venv ]] || die "$release has no packages"
    install_units
    point_at "$release"
    if booted; then start_units; fi
    say "release ${release##*/} is the current one; the schema stays as it is"
}

do_uninstall() {
    ((EUID == 0)) || die "run it as root"
    if booted; then
        local unit
        # Workers finish or give back what they hold; timers first, so that none starts one again.
        systemctl stop 'academy*.timer' || true
        systemctl stop 'academy*' || true
        for unit in /etc/systemd/system/academy*; do
            systemctl disable --quiet "${unit##*/}" 2>/dev/null || true
        done
    fi
    rm -f /etc/systemd/system/academy* /usr/local/bin/academy
    rm -f /etc/nginx/sites-enabled/academy.conf /etc/nginx/sites-available/academy.conf
    if booted; then systemctl daemon-reload; systemctl reload nginx || true; fi
    rm -rf "$base"
    say "kept: $settings, /var/lib/academy*, /var/backups/academy, the database academy"
}

case $action in
    check) preflight; describe; say "release $version can be installed" ;;
    install | upgrade) do_install ;;
    prepare) do_prepare ;;
    rollback) do_rollback ;;
    uninstall) do_uninstall ;;
    *) sed -n '2,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
