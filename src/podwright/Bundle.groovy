package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '9e94cb72bd5d8f412231f8465dfbf436969bbfe67d97d6ab14f143b85f81036e'
  static final String JOBS_SUM = '8495e3d11a23192bba72a746e26cfaddd03a3a33e323c6978789aaff4d6ae968'

  private static final long serialVersionUID = 1L
}
