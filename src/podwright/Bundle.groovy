package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '8f395913675557de381d31db2bafeb281ca1c70a9a28d831a23d79fa77b53790'
  static final String JOBS_SUM = '8495e3d11a23192bba72a746e26cfaddd03a3a33e323c6978789aaff4d6ae968'

  private static final long serialVersionUID = 1L
}
