# Completion of termchat for bash 3.2 and newer. Add to ~/.bashrc:
#     eval "$(termchat completion bash)"

_termchat_complete() {
    local flags row value shown all=() several=
    COMPREPLY=()
    {
        IFS= read -r flags
        while IFS= read -r row; do
            all+=("$row")
        done
    } < <(termchat completion --words bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" </dev/null 2>/dev/null)
    ((${#all[@]} > 1)) && [[ $flags == *told* && ${COMP_TYPE-} != 37 && ${COMP_TYPE-} != 42 ]] && several=1
    for row in ${all[@]+"${all[@]}"}; do
        value=${row%%$'\t'*}
        shown=${row#*$'\t'}
        # Descriptions are part of a list only: with several candidates, readline inserts no more than they share.
        [[ $several && $shown ]] && value="$value  ($shown)"
        COMPREPLY+=("$value")
    done
    if [[ $flags == *files* && ${#all[@]} -eq 0 ]] && type compopt &>/dev/null; then
        compopt -o default # readline completes files itself
    elif [[ $flags == *files* ]]; then
        type compopt &>/dev/null && compopt -o filenames
        while IFS= read -r value; do
            COMPREPLY+=("$value")
        done < <(compgen -f -- "${2-}")
    elif [[ $flags == *open* ]]; then
        type compopt &>/dev/null && compopt -o nospace
    fi
}

complete -F _termchat_complete termchat
