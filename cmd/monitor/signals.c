#include "signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t guarded;
static struct termios saved;
static bool has_saved;

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

static void on_stop(int signo)
{
    stop_signal = signo;
}

/* Only what is async-signal-safe: fixed bytes (synchronized output off, mouse off, attributes
 * reset, alternate screen left, cursor shown) and tcsetattr. */
static void on_crash(int signo)
{
    static const char restore[] =
        "\033[?2026l\033[?1006l\033[?1000l\033[0m\033[?1049l\033[?25h\r\n";

    if (guarded) {
        guarded = 0;
        if (write(STDOUT_FILENO, restore, sizeof(restore) - 1) < 0) {
            /* the terminal is gone: nothing to give back */
        }
        if (has_saved)
            tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    }
    raise(signo); /* SA_RESETHAND: this time it kills */
}

void signals_install(void)
{
    struct sigaction sa = {.sa_handler = on_stop};
    struct sigaction hangup;

    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    if (sigaction(SIGHUP, NULL, &hangup) < 0 || hangup.sa_handler != SIG_IGN) /* as by nohup */
        sigaction(SIGHUP, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
}

int signals_stop(void)
{
    return stop_signal;
}

int signals_exit_status(void)
{
    return stop_signal == 0 || stop_signal == SIGINT ? 0 : 128 + stop_signal;
}

void signals_guard_terminal(void)
{
    struct sigaction sa = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

    has_saved = tcgetattr(STDIN_FILENO, &saved) == 0;
    sigemptyset(&sa.sa_mask);
    guarded = 1;
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &sa, NULL);
}

void signals_unguard_terminal(void)
{
    guarded = 0;
}
