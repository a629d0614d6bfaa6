import { COMPLETE } from "../command.ts";
import { PLACES } from "./words.ts";

// The scripts know no commands: they ask the cnictl of the command line, so they fit its version. See words.ts for its answer.

const BASH = `# bash completion for cnictl
_cnictl() {
  local line=\${COMP_LINE:0:COMP_POINT} words word description current breaks known=
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  # What bash does not count to the word that it completes: up to the last "=" or ":".
  breaks=\${COMP_WORDBREAKS//[^=:]/}
  [[ -n $breaks && $current == *[$breaks]* ]] && known=\${current%"\${current##*[$breaks]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word description; do
    case $word in
      "${PLACES.file}" | "${PLACES.folder}")
        local kind=-f
        [[ $word == "${PLACES.folder}" ]] && kind=-d
        compopt -o filenames
        while read -r word; do COMPREPLY+=("$word"); done < <(compgen $kind -- "\${current#"$known"}")
        ;;
      *) COMPREPLY+=("\${word#"$known"}") ;;
    esac
  done < <("\${words[0]}" ${COMPLETE} "\${words[@]:1}" 2>/dev/null)
}
complete -F _cnictl cnictl
`;

const ZSH = `#compdef cnictl
_cnictl() {
  local line word kind
  local -a described
  # The word up to the cursor.
  for line in "\${(@f)$("\${(Q)words[1]}" ${COMPLETE} "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}"; do
    word=\${line%%$'\\t'*}
    case $word in
      "") ;;
      "${PLACES.file}") kind=file ;;
      "${PLACES.folder}") kind=folder ;;
      *) described+=("\${word//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  [[ $PREFIX == --*=* && -n $kind ]] && compset -P '*='
  [[ $kind == file ]] && _files
  [[ $kind == folder ]] && _files -/
  (( $#described )) && _describe cnictl described
}
# In a folder of $fpath this file is the function; otherwise it is sourced.
if [[ $funcstack[1] == _cnictl ]]; then _cnictl "$@"; else compdef _cnictl cnictl; fi
`;

const FISH = `# fish completion for cnictl
function __cnictl_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] ${COMPLETE} $words[2..-1] "$current" 2>/dev/null)
    switch $line
      case "${PLACES.file}*" "${PLACES.folder}*"
        set -l option (string match -r -- '^--[^=]*=' $current)
        set -q option[1]; or set option ""
        set -l found (__fish_complete_path (string replace -- "$option" "" $current))
        string match -q "${PLACES.folder}*" $line; and set found (string match -r '.*/.*' $found)
        for each in $found
          echo $option$each
        end
      case "*"
        echo $line
    end
  end
end
complete -c cnictl -f -a "(__cnictl_complete)"
`;

/** The completion scripts by shell. */
export const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
