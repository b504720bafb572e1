# Sourced by scripts of hack: a program of a Debian package that is not to be installed, because installing would start a server.

# unpacked_program PACKAGE PATH: prints where the program is; downloads and unpacks it first where it is missing. PATH is the one in the package.
unpacked_program() {
  local home=$PWD/artifacts/unpacked/$1 work
  if [ ! -x "$home/${2##*/}" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null \
      || die "${2##*/} is unpacked from Debian's package $1, and there is no apt-get or dpkg-deb here: put it at $home/${2##*/} by hand"
    say "unpacking ${2##*/} from Debian's $1"
    mkdir -p "$home"
    work=$(mktemp -d "$home/work.XXXXXX")
    (cd "$work" && { apt-get -qq download "$1" || { apt-get -qq update && apt-get -qq download "$1"; }; } >/dev/null 2>&1) \
      || { rm -rf "$work"; die "apt-get could not download $1: mend the machine's package sources"; }
    dpkg-deb -x "$work/$1"_*.deb "$work/root"
    mv "$work/root/$2" "$home/"
    rm -rf "$work"
  fi
  echo "$home/${2##*/}"
}
