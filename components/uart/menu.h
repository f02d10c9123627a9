/* The menu behind Ctrl-]: who has the keyboard, what there is, restart, quit. */
#ifndef UART_MENU_H
#define UART_MENU_H

#include "mux.h"

enum { MENU_KEY = 0x1d /* Ctrl-] */ };

/** Opens it. */
void menu_open(struct mux *mux);
/** One byte from the keyboard while it is open. */
void menu_input(struct mux *mux, uint8_t byte);
/** Draws its line, on which the cursor stays. */
void menu_draw(struct mux *mux);
/** Whether a byte that comes with the menu closed belongs to the key that closed it. */
bool menu_swallow(struct mux *mux, uint8_t byte);

#endif
