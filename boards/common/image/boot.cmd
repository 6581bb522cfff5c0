# What U-Boot does on every board: choose a slot, count the try, load its kernel. @WORDS@ come from board.conf.
# The state is BOOT_ORDER and how many tries each slot has left (hexadecimal), kept twice, in the partitions env1 and
# env2, each with its check sum; written one after the other, so a cut leaves one that is whole. BOOT_TRIED is the
# script slot's, and only kept here. docs/decisions/0017-image.md
${devtype} dev ${devnum}
part start ${devtype} ${devnum} env1 vafa_env1
part start ${devtype} ${devnum} env2 vafa_env2
setenv BOOT_ORDER
setenv BOOT_A_LEFT
setenv BOOT_B_LEFT
${devtype} read ${kernel_addr_r} ${vafa_env1} 20
if env import -c ${kernel_addr_r} 4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_TRIED; then
  true
else
  ${devtype} read ${kernel_addr_r} ${vafa_env2} 20
  env import -c ${kernel_addr_r} 4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_TRIED
fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3

setenv vafa_slot
for s in ${BOOT_ORDER}; do
  if test -n "${vafa_slot}"; then
    true
  elif test "${s}" = "A" && test 0x${BOOT_A_LEFT} -gt 0; then
    setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
    setenv vafa_slot a
    setenv vafa_name A
  elif test "${s}" = "B" && test 0x${BOOT_B_LEFT} -gt 0; then
    setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
    setenv vafa_slot b
    setenv vafa_name B
  fi
done
if test -z "${vafa_slot}"; then
  echo "No slot has a try left: both get theirs back."
  setenv BOOT_A_LEFT 3
  setenv BOOT_B_LEFT 3
  setenv vafa_slot a
  setenv vafa_name A
fi
env export -c -s 4000 ${kernel_addr_r} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_TRIED
${devtype} write ${kernel_addr_r} ${vafa_env1} 20
${devtype} write ${kernel_addr_r} ${vafa_env2} 20

part number ${devtype} ${devnum} boot_${vafa_slot} vafa_part
setenv vafa_from ${devtype} ${devnum}:${vafa_part}
setenv bootargs "console=@CONSOLE@ quiet panic=5 @ARGUMENTS@ vafa.slot=${vafa_slot} rauc.slot=${vafa_name}"
setenv kernel_comp_addr_r @UNPACK_AT@
setenv kernel_comp_size 4000000
if @LOAD_TREE@ && load ${vafa_from} ${kernel_addr_r} kernel && load ${vafa_from} ${ramdisk_addr_r} initrd; then
  @BOOT@ ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} @TREE@
fi
reset
