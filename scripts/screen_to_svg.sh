#!/usr/bin/env bash
# Makes a picture of a text screen:
#
#   bin/monitor --once --size 100x30 | scripts/screen_to_svg.sh >docs/monitor.svg
#
# One text element per row, in the viewer's own monospaced font; each row is stretched to its columns, so
# that frames meet whatever the font. Needs a UTF-8 locale.
set -euo pipefail
shopt -s extglob

case $(locale charmap) in
UTF-8) ;;
*)
  echo "screen_to_svg.sh: needs a UTF-8 locale, as in LC_ALL=C.UTF-8" >&2
  exit 2
  ;;
esac

# A column in hundredths: what common monospaced fonts need at 14, for viewers that do not stretch.
COLUMN=843

mapfile -t rows
width=0
for row in "${rows[@]}"; do
  [ "${#row}" -le "$width" ] || width=${#row}
done

printf '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" font-size="14">\n' \
  $((width * COLUMN / 100 + 24)) $((${#rows[@]} * 17 + 24))
echo '<rect width="100%" height="100%" rx="6" fill="#16181d"/>'
echo '<g fill="#d8dee9" xml:space="preserve">'
y=26
for row in "${rows[@]}"; do
  row=${row//&/&amp;}
  row=${row//</&lt;}
  row=${row//>/&gt;}
  plain=${row//&+([a-z]);/x}
  if [ -n "$plain" ]; then
    printf '<text x="12" y="%d" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>\n' "$y" $((${#plain} * COLUMN / 100)) "$row"
  fi
  y=$((y + 17))
done
echo '</g>'
echo '</svg>'
