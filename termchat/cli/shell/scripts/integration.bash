
# Shell integration of termchat for bash 4 and newer: Alt-M asks `termchat suggest` for a command and puts it into the
# line; the last command and its exit code are kept for `termchat wtf`, in a file that only you can read.
#     TERMCHAT_SUGGEST='-m quick'      options of termchat suggest
#     TERMCHAT_SUGGEST_KEY='\C-xm'     another key, set before this script is loaded

_termchat_suggest() {
    local proposed options last trapped
    read -ra options <<<"${TERMCHAT_SUGGEST-}"
    [[ $_termchat_proposed ]] && options+=(--command "$_termchat_proposed")
    trapped=$(trap -p INT)
    trap : INT # Ctrl-C stops termchat, and leaves the line as it is
    proposed=$(@termchat@ suggest --line --shell bash ${options[@]+"${options[@]}"} -- "$READLINE_LINE" </dev/null)
    last=$?
    eval "${trapped:-trap - INT}"
    ((last == 0)) || return
    [[ $proposed ]] || return
    READLINE_LINE=$proposed
    READLINE_POINT=${#proposed}
    _termchat_proposed=$proposed
}

_termchat_record() {
    local last=$? number text
    _termchat_proposed=
    [[ $(HISTTIMEFORMAT='' builtin history 1) =~ ^\ *([0-9]+)[*\ ]\ (.*)$ ]] || return "$last"
    number=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
    if [[ ! $_termchat_number ]]; then
        _termchat_number=$number # of an earlier command, when the shell has just started
    elif [[ $number == "$_termchat_number" && ($last == "$_termchat_status" || $last == 130) ]]; then
        : # an empty line, or one that Ctrl-C left
    elif [[ $number == "$_termchat_number" && ("${HISTCONTROL-}" == *ignore[sb]* || ${HISTIGNORE-}) ]]; then
        : >|"$TERMCHAT_SHELL" # perhaps a command that is kept out of the history
    elif [[ ! $text =~ ^([^ ]*/)?termchat\ +(suggest|wtf)( |$) ]]; then
        printf '%s\n%s' "$last" "$text" >|"$TERMCHAT_SHELL"
    fi
    _termchat_number=$number _termchat_status=$last
    return "$last"
}

_termchat_start() {
    local folder=${XDG_RUNTIME_DIR-} other
    [[ -d $folder && -O $folder ]] || folder=${TMPDIR:-/tmp}
    folder=${folder%/}/termchat-$UID
    mkdir -m 700 "$folder" 2>/dev/null
    [[ -d $folder && -O $folder && ! -L $folder ]] || return
    for other in "$folder"/shell.*; do
        kill -0 "${other##*.}" 2>/dev/null || rm -f -- "$other"
    done
    rm -f -- "$folder/shell.$$"
    (umask 077 && : >|"$folder/shell.$$") || return
    export TERMCHAT_SHELL=$folder/shell.$$
    if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
        PROMPT_COMMAND=(_termchat_record ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
    else
        PROMPT_COMMAND=_termchat_record${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}
    fi
}

if [[ $- == *i* && ${BASH_VERSINFO[0]} -ge 4 && ! ${_termchat_started-} ]]; then
    _termchat_started=1 _termchat_number='' _termchat_status='' _termchat_proposed=''
    for _termchat_keys in emacs-standard vi-insert; do
        bind -m "$_termchat_keys" -x "\"${TERMCHAT_SUGGEST_KEY:-\\em}\": _termchat_suggest"
    done
    unset _termchat_keys
    _termchat_start
fi
