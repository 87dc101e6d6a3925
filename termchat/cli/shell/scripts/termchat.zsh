#compdef termchat
# Completion of termchat for zsh. Add to ~/.zshrc, after compinit:
#     eval "$(termchat completion zsh)"
# or save the script as _termchat in a directory of $fpath.

_termchat() {
    local flags row value shown
    local -a values shows rows spaced
    rows=("${(@f)$(termchat completion --words zsh "${(@Q)words[2,CURRENT-1]}" "$PREFIX" </dev/null 2>/dev/null)}")
    flags=$rows[1]
    shift rows
    for row in "${rows[@]}"; do
        [[ -n $row ]] || continue
        value=${row%%$'\t'*}
        shown=${row#*$'\t'}
        values+=("$value")
        shows+=("$value${shown:+  -- $shown}")
    done
    [[ $flags == *open* ]] && spaced=(-S '')
    if (( $#values )); then
        compadd -l -d shows "${spaced[@]}" -a values
    fi
    [[ $flags == *files* ]] && _files
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _termchat "$@"
elif (( $+functions[compdef] )); then
    compdef _termchat termchat
fi
