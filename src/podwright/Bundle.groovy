package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'c6f8a6b670e3464bcc59193a7b87c0d462a4302551d3f1b1d8f4b4b8e6ff4e41'
  static final String JOBS_SUM = '8495e3d11a23192bba72a746e26cfaddd03a3a33e323c6978789aaff4d6ae968'

  private static final long serialVersionUID = 1L
}
