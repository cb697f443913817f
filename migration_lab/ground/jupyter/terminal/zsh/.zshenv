# Read by zsh in a terminal of JupyterLab: the learner's own file, then back here for .zshrc.
LAB_ZSH=$ZDOTDIR
ZDOTDIR=$LAB_ZDOTDIR
[[ -f $ZDOTDIR/.zshenv ]] && . "$ZDOTDIR/.zshenv"
LAB_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$LAB_ZSH
