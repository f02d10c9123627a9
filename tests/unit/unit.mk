UNIT_SOURCES_test_uart_mux := components/uart/mux.c components/uart/menu.c components/uart/line.c components/uart/terminal.c
UNIT_SOURCES_test_component_lib := components/lib/format.c components/lib/hash.c
